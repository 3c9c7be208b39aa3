//! A small module for the tests of this crate.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use crate::rng;

/// A linear layer.
#[derive(Module, Debug)]
pub struct Layer {
    pub weight: Param<Tensor<2>>,
    pub bias: Option<Param<Tensor<1>>>,
}

/// Two linear layers, 3 → 4 → 2, and a buffer.
#[derive(Module, Debug)]
pub struct Model {
    pub layers: Vec<Layer>,
    pub average: Param<Tensor<1>>,
}

impl Model {
    pub fn new(device: &Device) -> Self {
        let layer = |name, inputs, outputs| {
            let mut draws = rng::stream(0, name, 0);
            let weight = rng::randn([inputs, outputs], &mut draws, device);
            let bias = rng::randn([outputs], &mut draws, device);
            Layer {
                weight: Param::from_tensor(weight),
                bias: Some(Param::from_tensor(bias)),
            }
        };
        let average = Param::from_tensor(Tensor::zeros([2], device)).set_require_grad(false);
        Model {
            layers: vec![layer("first", 3, 4), layer("second", 4, 2)],
            average,
        }
    }

    /// A loss for a batch that is drawn for `step`.
    pub fn loss(&self, step: u64, device: &Device) -> Tensor<1> {
        let mut x = rng::randn([5, 3], &mut rng::stream(0, "batch", step), device);
        for layer in &self.layers {
            x = x.matmul(layer.weight.val()).tanh();
            if let Some(bias) = &layer.bias {
                x = x + bias.val().unsqueeze();
            }
        }
        x.powi_scalar(2).mean()
    }
}
