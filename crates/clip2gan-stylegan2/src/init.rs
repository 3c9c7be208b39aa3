//! Fresh parameters, drawn on the host so that the same seed gives the same network on every device.

use burn::module::{Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};
use clip2gan_train::rng;
use rand_chacha::ChaCha8Rng;

/// Draws a network's parameters one after the other from one stream.
pub(crate) struct Init {
    rng: ChaCha8Rng,
    device: Device,
}

impl Init {
    /// The stream `name` of `seed`; parameters are created on `device` without autodiff.
    pub(crate) fn new(seed: u64, name: &str, device: &Device) -> Self {
        Self {
            rng: rng::stream(seed, name, 0),
            device: device.clone().without_autodiff(),
        }
    }

    /// A trainable parameter drawn from `N(0, std²)`.
    pub(crate) fn normal<const D: usize>(
        &mut self,
        shape: [usize; D],
        std: f32,
    ) -> Param<Tensor<D>> {
        Param::from_tensor(self.normal_tensor(shape, std))
    }

    /// A trainable parameter filled with `value`.
    pub(crate) fn filled<const D: usize>(
        &mut self,
        shape: [usize; D],
        value: f32,
    ) -> Param<Tensor<D>> {
        Param::from_tensor(Tensor::full(shape, value, &self.device))
    }

    /// A buffer (saved, never trained) drawn from `N(0, 1)`.
    pub(crate) fn normal_buffer<const D: usize>(&mut self, shape: [usize; D]) -> Param<Tensor<D>> {
        Param::initialized(ParamId::new(), self.normal_tensor(shape, 1.0))
    }

    /// A buffer (saved, never trained) of zeros.
    pub(crate) fn zero_buffer<const D: usize>(&mut self, shape: [usize; D]) -> Param<Tensor<D>> {
        Param::initialized(ParamId::new(), Tensor::zeros(shape, &self.device))
    }

    fn normal_tensor<const D: usize>(&mut self, shape: [usize; D], std: f32) -> Tensor<D> {
        let mut values = rng::normal(&mut self.rng, shape.iter().product());
        values.iter_mut().for_each(|value| *value *= std);
        Tensor::from_data(TensorData::new(values, shape), &self.device)
    }
}
