//! Adam over named parameters (Kingma & Ba, [arXiv 1412.6980](https://arxiv.org/abs/1412.6980)), with the decoupled
//! weight decay of AdamW (Loshchilov & Hutter, [arXiv 1711.05101](https://arxiv.org/abs/1711.05101)).
//!
//! The update runs on the host, one pass per parameter: on the CPU a tensor *is* host memory, and its buffer is
//! changed in place when nobody else holds it. State is kept by dotted path, so that it can be saved and resumed
//! exactly. Each parameter counts its own steps, as PyTorch does: one without a gradient is not touched at all.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::Tensor;
use clip2gan_weights::{Array, Arrays};
use serde::{Deserialize, Serialize};

use crate::gradients::NamedGradients;
use crate::params::{Path, floats, follow_path};
use crate::{Error, Result};

/// Adam's settings; the defaults are PyTorch's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamConfig {
    /// The learning rate.
    pub lr: f64,
    /// How slowly the mean of the gradients moves.
    pub beta1: f64,
    /// How slowly the mean of their squares moves.
    pub beta2: f64,
    /// Keeps the division by the root of the mean square finite.
    pub eps: f64,
    /// Decoupled weight decay: each step first multiplies a parameter by `1 - lr · weight_decay`.
    pub weight_decay: f64,
}

impl Default for AdamConfig {
    fn default() -> Self {
        AdamConfig {
            lr: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: 0.0,
        }
    }
}

impl AdamConfig {
    /// The settings for lazy regularisation every `interval` steps (Karras et al.,
    /// [arXiv 1912.04958](https://arxiv.org/abs/1912.04958), appendix B): with `c = interval / (interval + 1)`, the
    /// learning rate times `c` and the betas to the power of `c`.
    pub fn lazy(self, interval: usize) -> Self {
        let c = interval as f64 / (interval as f64 + 1.0);
        AdamConfig {
            lr: self.lr * c,
            beta1: self.beta1.powf(c),
            beta2: self.beta2.powf(c),
            ..self
        }
    }

    /// An optimizer that has not seen any gradient yet.
    pub fn init(self) -> Adam {
        Adam {
            config: self,
            decays: |_| true,
            moments: BTreeMap::new(),
        }
    }
}

/// The optimizer: settings and, per parameter, the running moments.
#[derive(Debug, Clone)]
pub struct Adam {
    /// The settings. A schedule changes `config.lr` before each step.
    pub config: AdamConfig,
    decays: fn(&str) -> bool,
    moments: BTreeMap<String, Moments>,
}

#[derive(Debug, Clone)]
struct Moments {
    shape: Vec<usize>,
    steps: i64,
    first: Vec<f32>,
    second: Vec<f32>,
}

impl Adam {
    /// An optimizer that has not seen any gradient yet.
    pub fn new(config: AdamConfig) -> Self {
        config.init()
    }

    /// Says which parameters decay, by their dotted path; all do otherwise.
    pub fn decay_only(mut self, decays: fn(&str) -> bool) -> Self {
        self.decays = decays;
        self
    }

    /// Updates every parameter that has a gradient.
    ///
    /// # Errors
    /// When a gradient has no parameter in the module or another shape than its parameter. Nothing is updated then;
    /// the module is lost, and so the caller's mistake cannot go unseen.
    pub fn step<M: Module>(&mut self, module: M, gradients: &NamedGradients) -> Result<M> {
        let shapes = crate::params::shapes(&module);
        for (key, gradient) in &gradients.0 {
            let found = gradient.shape.clone();
            match shapes.get(key) {
                None => {
                    return Err(Error::ExtraKey {
                        key: key.clone(),
                        found,
                        more: 0,
                    });
                }
                Some(expected) if *expected != found => {
                    return Err(Error::Shape {
                        key: key.clone(),
                        expected: expected.clone(),
                        found,
                    });
                }
                Some(expected) => {
                    if let Some(moments) = self.moments.get(key)
                        && moments.shape != *expected
                    {
                        let found = moments.shape.clone();
                        return Err(Error::Shape {
                            key: key.clone(),
                            expected: expected.clone(),
                            found,
                        });
                    }
                }
            }
        }
        Ok(module.map(&mut Step {
            path: Path::default(),
            adam: self,
            gradients,
        }))
    }

    /// The state as arrays, for a checkpoint: `first.NAME`, `second.NAME` and `steps.NAME` for each parameter that
    /// was ever updated.
    pub fn state(&self) -> Arrays {
        let mut arrays = Arrays::new();
        for (name, moments) in &self.moments {
            let shape = || moments.shape.clone();
            arrays.insert(
                format!("first.{name}"),
                Array::from_f32(shape(), &moments.first),
            );
            arrays.insert(
                format!("second.{name}"),
                Array::from_f32(shape(), &moments.second),
            );
            arrays.insert(
                format!("steps.{name}"),
                Array::from_i64([], &[moments.steps]),
            );
        }
        arrays
    }

    /// Puts a state that [`Adam::state`] gave in the place of this one.
    pub fn load_state(&mut self, state: &Arrays) -> Result<()> {
        let find = |key: String| {
            state.get(&key).ok_or(Error::MissingKey {
                key,
                expected: Vec::new(),
                more: 0,
            })
        };
        let mut moments = BTreeMap::new();
        for (key, first) in state {
            let Some(name) = key.strip_prefix("first.") else {
                continue;
            };
            let second = find(format!("second.{name}"))?;
            if second.shape != first.shape {
                let (expected, found) = (first.shape.clone(), second.shape.clone());
                return Err(Error::Shape {
                    key: format!("second.{name}"),
                    expected,
                    found,
                });
            }
            let steps = find(format!("steps.{name}"))?;
            let Some(&count) = steps.to_i64().first() else {
                let found = steps.shape.clone();
                return Err(Error::Shape {
                    key: format!("steps.{name}"),
                    expected: Vec::new(),
                    found,
                });
            };
            let of = Moments {
                shape: first.shape.clone(),
                steps: count,
                first: first.to_f32(),
                second: second.to_f32(),
            };
            moments.insert(name.to_owned(), of);
        }
        let known = |key: &&String| {
            ["first.", "second.", "steps."].iter().any(|prefix| {
                key.strip_prefix(prefix)
                    .is_some_and(|name| moments.contains_key(name))
            })
        };
        if let Some(key) = state.keys().find(|key| !known(key)) {
            let found = state[key].shape.clone();
            return Err(Error::ExtraKey {
                key: key.clone(),
                found,
                more: 0,
            });
        }
        self.moments = moments;
        Ok(())
    }
}

struct Step<'a> {
    path: Path,
    adam: &'a mut Adam,
    gradients: &'a NamedGradients,
}

impl ModuleMapper for Step<'_> {
    follow_path!();

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.dotted();
        let Some(gradient) = self.gradients.0.get(&name) else {
            return param;
        };
        let decay = if (self.adam.decays)(&name) {
            self.adam.config.weight_decay
        } else {
            0.0
        };
        let moments = self.adam.moments.entry(name).or_insert_with(|| Moments {
            shape: gradient.shape.clone(),
            steps: 0,
            first: vec![0.0; gradient.values.len()],
            second: vec![0.0; gradient.values.len()],
        });
        let (id, tensor, mapper) = param.consume();
        let (device, require_grad) = (tensor.device(), tensor.is_require_grad());
        let mut data = floats(tensor);
        let values = data
            .as_mut_slice()
            .expect("`floats` gives f32 values in host memory");
        moments.update(&self.adam.config, decay, values, &gradient.values);
        let tensor = Tensor::from_data(data, &device).set_require_grad(require_grad);
        Param::from_mapped_value(id, tensor, mapper)
    }
}

impl Moments {
    fn update(&mut self, config: &AdamConfig, decay: f64, values: &mut [f32], gradients: &[f32]) {
        self.steps += 1;
        // The corrections are computed in f64: 1 - β₂^t loses most of its digits in f32 when t is small.
        let correction1 = 1.0 - config.beta1.powi(self.steps as i32);
        let correction2 = 1.0 - config.beta2.powi(self.steps as i32);
        let (beta1, beta2) = (config.beta1 as f32, config.beta2 as f32);
        let (new1, new2) = ((1.0 - config.beta1) as f32, (1.0 - config.beta2) as f32);
        let (keep, rate) = (
            (1.0 - config.lr * decay) as f32,
            (config.lr / correction1) as f32,
        );
        let (root, eps) = ((1.0 / correction2.sqrt()) as f32, config.eps as f32);
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((value, &gradient), (first, second)) in values.iter_mut().zip(gradients).zip(moments) {
            *first = beta1 * *first + new1 * gradient;
            *second = beta2 * *second + new2 * gradient * gradient;
            *value = keep * *value - rate * *first / (second.sqrt() * root + eps);
        }
    }
}

#[cfg(test)]
mod tests;
