//! From features to colours (StyleGAN2, figure 7b: skip architecture).

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use clip2gan_kernels::{Activation, bias_act};

use crate::init::Init;
use crate::layers::{FullyConnected, modulated_conv};

/// 1×1 modulated convolution without demodulation, and a bias.
#[derive(Module, Debug)]
pub struct ToRgb {
    /// `w → style`; its bias starts at 1.
    pub affine: FullyConnected,
    /// `[channels, i, 1, 1]`.
    pub weight: Param<Tensor<4>>,
    /// `[channels]`.
    pub bias: Param<Tensor<1>>,
}

impl ToRgb {
    pub(crate) fn new(inputs: usize, channels: usize, w_dim: usize, init: &mut Init) -> Self {
        Self {
            affine: FullyConnected::new(w_dim, inputs, 1.0, 1.0, false, init),
            weight: init.normal([channels, inputs, 1, 1], 1.0),
            bias: init.filled([channels], 0.0),
        }
    }

    /// `x [n, i, h, w]`, `w [n, w_dim]` → `[n, channels, h, w]`.
    pub fn forward(&self, x: Tensor<4>, w: Tensor<2>) -> Tensor<4> {
        let weight = self.weight.val();
        let gain = 1.0 / (weight.dims()[1] as f32).sqrt();
        let style = self.affine.forward(w) * gain;
        let y = modulated_conv(x, weight, style, false);
        bias_act(y, Some(self.bias.val()), Activation::Linear, 1.0, None)
    }
}
