//! Exponential moving average of a module's parameters.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use std::collections::BTreeMap;

use crate::params::{Path, as_floats, floats, follow_path};
use crate::{Error, Result};

/// Moves the averaged module towards the trained one: `ema ← β·ema + (1 − β)·module`.
///
/// Buffers (float parameters of `module` that are on an autodiff device and don't require gradients there) are copied,
/// as in the reference StyleGAN2 trainer. Integer and boolean parameters stay as they are.
///
/// # Errors
/// When the two modules differ in a parameter's name or shape.
pub fn ema_update<M: Module>(ema: M, module: &M, beta: f64) -> Result<M> {
    let mut visitor = Collect::default();
    module.visit(&mut visitor);
    let mut mapper = Average {
        path: Path::default(),
        beta: beta as f32,
        trained: visitor.trained,
        error: None,
    };
    let ema = ema.map(&mut mapper);
    match (mapper.error, mapper.trained.pop_first()) {
        (Some(error), _) => Err(error),
        (None, Some((key, (data, _)))) => {
            let found = data.shape().to_vec();
            Err(Error::ExtraKey {
                key,
                found,
                more: mapper.trained.len(),
            })
        }
        (None, None) => Ok(ema),
    }
}

/// The factor with which an average over `half_life` examples forgets in a batch of `batch` examples.
///
/// `ramp_up` bounds the half-life to that share of the examples seen so far (0.05 in StyleGAN2), so that an early
/// average is not full of the beginning.
pub fn ema_beta(batch: usize, half_life: f64, seen: u64, ramp_up: Option<f64>) -> f64 {
    let half_life = ramp_up.map_or(half_life, |share| half_life.min(seen as f64 * share));
    0.5_f64.powf(batch as f64 / half_life.max(1e-8))
}

#[derive(Default)]
struct Collect {
    path: Path,
    /// Each parameter's values, and whether it is trained and not a buffer.
    trained: BTreeMap<String, (TensorData, bool)>,
}

impl ModuleVisitor for Collect {
    follow_path!();

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let trained = tensor.is_require_grad() || !tensor.is_autodiff();
        self.trained
            .insert(self.path.dotted(), (floats(tensor), trained));
    }
}

struct Average {
    path: Path,
    beta: f32,
    trained: BTreeMap<String, (TensorData, bool)>,
    error: Option<Error>,
}

impl ModuleMapper for Average {
    follow_path!();

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let key = self.path.dotted();
        let expected = param.shape().to_vec();
        let Some((from, trained)) = self.trained.remove(&key) else {
            self.error.get_or_insert(Error::MissingKey {
                key,
                expected,
                more: 0,
            });
            return param;
        };
        if from.shape().to_vec() != expected {
            let found = from.shape().to_vec();
            self.error.get_or_insert(Error::Shape {
                key,
                expected,
                found,
            });
            return param;
        }
        let (id, tensor, mapper) = param.consume();
        let (device, require_grad) = (tensor.device(), tensor.is_require_grad());
        let data = if trained {
            let mut data = floats(tensor);
            let values: &mut [f32] = data
                .as_mut_slice()
                .expect("`floats` gives f32 values in host memory");
            for (average, &value) in values.iter_mut().zip(as_floats(&from)) {
                *average = value + self.beta * (*average - value);
            }
            data
        } else {
            from
        };
        let tensor = Tensor::from_data(data, &device).set_require_grad(require_grad);
        Param::from_mapped_value(id, tensor, mapper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params;
    use crate::testing::Model;
    use burn::tensor::Device;

    fn filled(device: &Device, value: f32) -> Model {
        params::fill(Model::new(device), |_, shape| {
            Some(vec![value; shape.iter().product()])
        })
    }

    #[test]
    fn parameters_are_averaged_and_buffers_copied() {
        let device = Device::flex().autodiff();
        let ema = filled(&Device::flex(), 1.0);
        let ema = ema_update(ema, &filled(&device, 3.0), 0.75).unwrap();
        let arrays = params::to_arrays(&ema);
        assert_eq!(arrays["layers.0.weight"].to_f32(), [1.5; 12]);
        assert_eq!(arrays["average"].to_f32(), [3.0; 2]);
        assert!(!ema.layers[0].weight.is_autodiff());
    }

    #[test]
    fn other_modules_are_refused() {
        let device = Device::flex();
        let mut small = Model::new(&device);
        small.layers.pop();
        let error = ema_update(Model::new(&device), &small, 0.5)
            .unwrap_err()
            .to_string();
        assert!(error.contains("layers.1."), "{error}");
        let error = ema_update(small, &Model::new(&device), 0.5)
            .unwrap_err()
            .to_string();
        assert!(error.contains("layers.1."), "{error}");
    }

    #[test]
    fn the_average_halves_in_its_half_life() {
        assert!((ema_beta(16, 1000.0, 0, None).powf(1000.0 / 16.0) - 0.5).abs() < 1e-12);
        assert_eq!(ema_beta(16, 1000.0, 0, Some(0.05)), 0.0);
        assert_eq!(ema_beta(16, 1000.0, 320, Some(0.05)), 0.5);
    }
}
