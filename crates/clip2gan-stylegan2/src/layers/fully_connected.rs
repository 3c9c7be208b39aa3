//! Fully connected layer with equalised learning rate.
//!
//! Weights are stored as `N(0, 1) / lr_mul` and scaled at run time by `lr_mul / √fan_in`, biases by `lr_mul`
//! (Progressive GAN, section 4.1), so that every layer learns at the same pace.

use std::f32::consts::SQRT_2;

use burn::module::{Module, Param};
use burn::tensor::{Tensor, activation::leaky_relu};

use crate::init::Init;
use crate::layers::SLOPE;
use crate::tangent::{Dual, lrelu_slope};

/// Fully connected layer, optionally followed by a leaky ReLU times √2.
#[derive(Module, Debug)]
pub struct FullyConnected {
    /// `[out, in]`, before the run-time gain.
    pub weight: Param<Tensor<2>>,
    /// `[out]`, before the run-time gain.
    pub bias: Param<Tensor<1>>,
    lr_mul: f32,
    lrelu: bool,
}

impl FullyConnected {
    /// A layer of `inputs → outputs` whose effective bias starts at `bias`.
    pub(crate) fn new(
        inputs: usize,
        outputs: usize,
        lr_mul: f32,
        bias: f32,
        lrelu: bool,
        init: &mut Init,
    ) -> Self {
        Self {
            weight: init.normal([outputs, inputs], 1.0 / lr_mul),
            bias: init.filled([outputs], bias / lr_mul),
            lr_mul,
            lrelu,
        }
    }

    /// `[n, in] → [n, out]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let bias = self.bias.val();
        let bias = if self.lr_mul == 1.0 {
            bias
        } else {
            bias * self.lr_mul
        };
        let y = self.linear(x) + bias.unsqueeze();
        if self.lrelu {
            leaky_relu(y, SLOPE as f64) * SQRT_2
        } else {
            y
        }
    }

    /// The layer and its directional derivative.
    pub fn forward_dual(&self, x: Dual<2>) -> Dual<2> {
        let value = self.forward(x.value);
        let tangent = self.linear(x.tangent);
        let tangent = if self.lrelu {
            tangent * lrelu_slope(&value, SQRT_2)
        } else {
            tangent
        };
        Dual { value, tangent }
    }

    fn linear(&self, x: Tensor<2>) -> Tensor<2> {
        let weight = self.weight.val();
        let gain = self.lr_mul / (weight.dims()[1] as f32).sqrt();
        (x * gain).matmul(weight.transpose())
    }
}
