//! Initial values of parameters.

use burn::module::{Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};
use clip2gan_train::rng;

/// Makes parameters one after the other: Gaussian ones from a stream of their own, or zeros where the values are going
/// to be loaded anyway.
pub(crate) struct Init<'a> {
    /// `None`: zeros.
    pub rng: Option<rng::ChaCha8Rng>,
    pub device: &'a Device,
}

impl Init<'_> {
    /// `N(0, std²)`.
    pub fn normal<const D: usize>(&mut self, shape: [usize; D], std: f32) -> Param<Tensor<D>> {
        let count = shape.iter().product();
        let values = match &mut self.rng {
            Some(rng) => rng::normal(rng, count)
                .into_iter()
                .map(|x| x * std)
                .collect(),
            None => vec![0.0; count],
        };
        Param::from_data(TensorData::new(values, shape), self.device)
    }

    /// Every element equal to `value`.
    pub fn constant<const D: usize>(&mut self, shape: [usize; D], value: f32) -> Param<Tensor<D>> {
        let count = shape.iter().product();
        Param::from_data(TensorData::new(vec![value; count], shape), self.device)
    }
    /// As [`constant`](Self::constant), but a buffer: saved, never trained.
    pub fn buffer<const D: usize>(&mut self, shape: [usize; D], value: f32) -> Param<Tensor<D>> {
        let count = shape.iter().product();
        let data = TensorData::new(vec![value; count], shape);
        Param::initialized(ParamId::new(), Tensor::from_data(data, self.device))
    }
}
