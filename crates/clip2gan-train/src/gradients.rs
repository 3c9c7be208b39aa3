//! Gradients by the names of their parameters.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor};

use crate::params::{Path, floats, follow_path};

/// The gradient of one parameter on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradient {
    /// The parameter's shape.
    pub shape: Vec<usize>,
    /// The values, row-major.
    pub values: Vec<f32>,
}

/// The gradients of a module's parameters on the host, by dotted path.
///
/// A parameter that the loss did not depend on has none, and an optimizer leaves it alone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NamedGradients(pub BTreeMap<String, Gradient>);

impl NamedGradients {
    /// Takes the gradients of a module's parameters out of the result of `loss.backward()`.
    ///
    /// Other modules' gradients stay in there.
    pub fn take<M: Module>(module: &M, gradients: &mut Gradients) -> Self {
        let mut visitor = Take {
            path: Path::default(),
            gradients,
            taken: BTreeMap::new(),
        };
        module.visit(&mut visitor);
        NamedGradients(visitor.taken)
    }

    /// The Euclidean norm of all gradients together.
    pub fn norm(&self) -> f32 {
        let squares = |gradient: &Gradient| {
            gradient
                .values
                .iter()
                .map(|&v| f64::from(v).powi(2))
                .sum::<f64>()
        };
        self.0.values().map(squares).sum::<f64>().sqrt() as f32
    }

    /// Whether every value is finite.
    pub fn is_finite(&self) -> bool {
        self.0
            .values()
            .all(|gradient| gradient.values.iter().all(|value| value.is_finite()))
    }

    /// Multiplies every value by `factor`.
    pub fn scale(&mut self, factor: f32) {
        for gradient in self.0.values_mut() {
            gradient
                .values
                .iter_mut()
                .for_each(|value| *value *= factor);
        }
    }

    /// Scales the gradients so that their norm is at most `limit`; returns the norm before.
    pub fn clip_norm(&mut self, limit: f32) -> f32 {
        let norm = self.norm();
        if norm > limit {
            self.scale(limit / norm);
        }
        norm
    }

    /// Adds other gradients of the same module, as when a batch is worked through in parts.
    ///
    /// # Panics
    /// If a parameter has gradients of two shapes.
    pub fn accumulate(&mut self, other: NamedGradients) {
        for (name, gradient) in other.0 {
            match self.0.get_mut(&name) {
                None => {
                    self.0.insert(name, gradient);
                }
                Some(sum) => {
                    assert_eq!(
                        sum.shape, gradient.shape,
                        "two shapes of the gradient of `{name}`"
                    );
                    for (to, from) in sum.values.iter_mut().zip(gradient.values) {
                        *to += from;
                    }
                }
            }
        }
    }

    /// Replaces what is not finite: NaN by 0, infinities by ±10⁵, as the reference StyleGAN2 trainer does.
    pub fn replace_non_finite(&mut self) {
        for value in self
            .0
            .values_mut()
            .flat_map(|gradient| &mut gradient.values)
        {
            if value.is_nan() {
                *value = 0.0;
            } else if value.is_infinite() {
                *value = 1e5_f32.copysign(*value);
            }
        }
    }
}

struct Take<'a> {
    path: Path,
    gradients: &'a mut Gradients,
    taken: BTreeMap<String, Gradient>,
}

impl ModuleVisitor for Take<'_> {
    follow_path!();

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = param.val().grad_remove(self.gradients) {
            let data = floats(gradient);
            let shape = data.shape().to_vec();
            let values = data
                .try_into_vec()
                .expect("`floats` gives f32 values in host memory");
            self.taken
                .insert(self.path.dotted(), Gradient { shape, values });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Model;
    use burn::tensor::Device;

    #[test]
    fn gradients_bear_the_names_of_their_parameters() {
        let device = Device::flex().autodiff();
        let model = Model::new(&device);
        let mut gradients = model.loss(0, &device).backward();
        let named = NamedGradients::take(&model, &mut gradients);
        let names: Vec<_> = named.0.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "layers.0.bias",
                "layers.0.weight",
                "layers.1.bias",
                "layers.1.weight"
            ]
        );
        assert_eq!(named.0["layers.0.weight"].shape, [3, 4]);
        assert!(named.norm() > 0.0 && named.is_finite());
        assert!(NamedGradients::take(&model, &mut gradients).0.is_empty());
    }

    #[test]
    fn gradients_add_scale_and_clip() {
        let one = |values: &[f32]| {
            let gradient = Gradient {
                shape: vec![values.len()],
                values: values.to_vec(),
            };
            NamedGradients(BTreeMap::from([("a".to_owned(), gradient)]))
        };
        let mut sum = one(&[1.0, 2.0]);
        sum.accumulate(one(&[2.0, 2.0]));
        assert_eq!(sum, one(&[3.0, 4.0]));
        assert_eq!(sum.clip_norm(10.0), 5.0);
        assert_eq!(sum, one(&[3.0, 4.0]));
        assert_eq!(sum.clip_norm(0.5), 5.0);
        assert!((sum.norm() - 0.5).abs() < 1e-6);
        let mut broken = one(&[f32::NAN, f32::NEG_INFINITY]);
        assert!(!broken.is_finite());
        broken.replace_non_finite();
        assert_eq!(broken, one(&[0.0, -1e5]));
    }
}
