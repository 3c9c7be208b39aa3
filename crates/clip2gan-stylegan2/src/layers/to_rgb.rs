//! From features to colours (StyleGAN2, figure 7b: skip architecture).

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use clip2gan_kernels::{Activation, Epilogue, Modulation, epilogue, modulated_conv2d};

use crate::init::Init;
use crate::layers::{FullyConnected, modulated_conv_dual};
use crate::tangent::{Dual, clamp_slope};

/// 1×1 modulated convolution without demodulation, and a bias.
#[derive(Module, Debug)]
pub struct ToRgb {
    /// `w → style`; its bias starts at 1.
    pub affine: FullyConnected,
    /// `[channels, i, 1, 1]`.
    pub weight: Param<Tensor<4>>,
    /// `[channels]`.
    pub bias: Param<Tensor<1>>,
    /// Infinite where nothing is cut off.
    clamp: f32,
}

impl ToRgb {
    pub(crate) fn new(inputs: usize, channels: usize, w_dim: usize, init: &mut Init) -> Self {
        Self {
            affine: FullyConnected::new(w_dim, inputs, 1.0, 1.0, false, init),
            weight: init.normal([channels, inputs, 1, 1], 1.0),
            bias: init.filled([channels], 0.0),
            clamp: f32::INFINITY,
        }
    }

    /// The same layer with its result limited to `±clamp`.
    pub(crate) fn clamped(self, clamp: Option<f32>) -> Self {
        Self {
            clamp: clamp.unwrap_or(f32::INFINITY),
            ..self
        }
    }

    /// `x [n, i, h, w]`, `w [n, w_dim]` → `[n, channels, h, w]`.
    pub fn forward(&self, x: Tensor<4>, w: Tensor<2>) -> Tensor<4> {
        let weight = self.weight.val();
        let style = self.affine.forward(w) * style_gain(&weight);
        let modulation = Modulation {
            demodulate: false,
            up: None,
        };
        modulated_conv2d(x, weight, style, modulation, self.epilogue())
    }

    /// The layer and its directional derivative.
    pub fn forward_dual(&self, x: Dual<4>, w: Dual<2>) -> Dual<4> {
        let weight = self.weight.val();
        let gain = style_gain(&weight);
        let style = self.affine.forward_dual(w).map(|style| style * gain);
        let y = modulated_conv_dual(x, weight, style, None);
        let value = epilogue(y.value, self.epilogue());
        let tangent = if self.clamp.is_finite() {
            y.tangent * clamp_slope(&value, self.clamp)
        } else {
            y.tangent
        };
        Dual { value, tangent }
    }

    fn epilogue(&self) -> Epilogue {
        Epilogue {
            demodulation: None,
            noise: None,
            bias: Some(self.bias.val()),
            activation: Activation::Linear,
            gain: 1.0,
            clamp: self.clamp.is_finite().then_some(self.clamp),
        }
    }
}

/// In place of demodulation, styles are scaled by `1 / √i`.
fn style_gain(weight: &Tensor<4>) -> f32 {
    1.0 / (weight.dims()[1] as f32).sqrt()
}
