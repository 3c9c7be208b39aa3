//! Fresh parameters, drawn on the host so that the same seed gives the same network on every device.

use burn::module::{Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};
use clip2gan_train::rng;
use rand_chacha::ChaCha8Rng;

/// Makes a network's parameters one after the other.
pub(crate) struct Init {
    /// One stream for all of them; none if they are only announced.
    rng: Option<ChaCha8Rng>,
    device: Device,
}

impl Init {
    /// Draws from the stream `name` of `seed`; parameters are created on `device` without autodiff.
    pub(crate) fn new(seed: u64, name: &str, device: &Device) -> Self {
        Self {
            rng: Some(rng::stream(seed, name, 0)),
            device: device.clone().without_autodiff(),
        }
    }

    /// Announces parameters, all of which will be loaded: nothing is drawn, and no memory is taken before their shapes
    /// were compared with those of a file.
    pub(crate) fn announced(device: &Device) -> Self {
        Self {
            rng: None,
            device: device.clone().without_autodiff(),
        }
    }

    /// A trainable parameter drawn from `N(0, std²)`.
    pub(crate) fn normal<const D: usize>(
        &mut self,
        shape: [usize; D],
        std: f32,
    ) -> Param<Tensor<D>> {
        self.parameter(shape, true, |rng, device| normal(shape, std, rng, device))
    }

    /// A trainable parameter filled with `value`.
    pub(crate) fn filled<const D: usize>(
        &mut self,
        shape: [usize; D],
        value: f32,
    ) -> Param<Tensor<D>> {
        self.parameter(shape, true, |_, device| Tensor::full(shape, value, device))
    }

    /// A buffer (saved, never trained) drawn from `N(0, 1)`.
    pub(crate) fn normal_buffer<const D: usize>(&mut self, shape: [usize; D]) -> Param<Tensor<D>> {
        self.parameter(shape, false, |rng, device| normal(shape, 1.0, rng, device))
    }

    /// A buffer (saved, never trained) of zeros.
    pub(crate) fn zero_buffer<const D: usize>(&mut self, shape: [usize; D]) -> Param<Tensor<D>> {
        self.parameter(shape, false, |_, device| Tensor::zeros(shape, device))
    }

    fn parameter<const D: usize>(
        &mut self,
        shape: [usize; D],
        trained: bool,
        value: impl FnOnce(&mut ChaCha8Rng, &Device) -> Tensor<D>,
    ) -> Param<Tensor<D>> {
        let Some(rng) = &mut self.rng else {
            let device = self.device.clone();
            let never_used = move |device: &Device, _| Tensor::zeros(shape, device);
            let id = ParamId::new();
            return Param::uninitialized(id, never_used, device, trained, shape.into());
        };
        let value = value(rng, &self.device);
        match trained {
            true => Param::from_tensor(value),
            false => Param::initialized(ParamId::new(), value),
        }
    }
}

fn normal<const D: usize>(
    shape: [usize; D],
    std: f32,
    rng: &mut ChaCha8Rng,
    device: &Device,
) -> Tensor<D> {
    let mut values = rng::normal(rng, shape.iter().product());
    values.iter_mut().for_each(|value| *value *= std);
    Tensor::from_data(TensorData::new(values, shape), device)
}
