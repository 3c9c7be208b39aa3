//! One layer of the synthesis network (StyleGAN2, figure 2c).

use std::f32::consts::SQRT_2;

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use clip2gan_kernels::{
    Activation, Epilogue, Modulation, epilogue, modulated_conv2d, scale_channels,
};

use crate::init::Init;
use crate::layers::{FullyConnected, RESAMPLE_FILTER, demodulation_dual, modulated_conv_dual};
use crate::tangent::{Dual, clamp_slope, lrelu_slope};

/// Style, modulated convolution, noise, bias, leaky ReLU × √2.
#[derive(Module, Debug)]
pub struct SynthesisLayer {
    /// `w → style`; its bias starts at 1.
    pub affine: FullyConnected,
    /// `[o, i, 3, 3]`.
    pub weight: Param<Tensor<4>>,
    /// `[o]`.
    pub bias: Param<Tensor<1>>,
    /// `[1]`: how much noise is added.
    pub noise_strength: Param<Tensor<1>>,
    /// `[h, w]`: the noise of the constant mode; a buffer.
    pub noise_const: Param<Tensor<2>>,
    up: bool,
    gain: f32,
    /// Infinite where nothing is cut off.
    clamp: f32,
}

impl SynthesisLayer {
    /// A layer whose output is `resolution` pixels wide; it doubles its input if `up`.
    pub(crate) fn new(
        inputs: usize,
        outputs: usize,
        w_dim: usize,
        resolution: usize,
        up: bool,
        init: &mut Init,
    ) -> Self {
        Self {
            affine: FullyConnected::new(w_dim, inputs, 1.0, 1.0, false, init),
            weight: init.normal([outputs, inputs, 3, 3], 1.0),
            bias: init.filled([outputs], 0.0),
            noise_strength: init.filled([1], 0.0),
            noise_const: init.normal_buffer([resolution, resolution]),
            up,
            gain: SQRT_2,
            clamp: f32::INFINITY,
        }
    }

    /// The same layer with its result limited to `±clamp` and then multiplied by `gain`.
    pub(crate) fn scaled(self, gain: f32, clamp: Option<f32>) -> Self {
        Self {
            gain: SQRT_2 * gain,
            clamp: clamp.map_or(f32::INFINITY, |clamp| clamp * gain),
            ..self
        }
    }

    /// `x [n, i, h, w]`, `w [n, w_dim]`, `noise [n or 1, 1, H, W]` of the output's size.
    pub fn forward(&self, x: Tensor<4>, w: Tensor<2>, noise: Option<Tensor<4>>) -> Tensor<4> {
        let style = self.affine.forward(w);
        let modulation = Modulation {
            demodulate: true,
            up: self.up(),
        };
        modulated_conv2d(
            x,
            self.weight.val(),
            style,
            modulation,
            self.epilogue(noise),
        )
    }

    /// The layer and its directional derivative; noise and bias have none.
    pub fn forward_dual(&self, x: Dual<4>, w: Dual<2>, noise: Option<Tensor<4>>) -> Dual<4> {
        let style = self.affine.forward_dual(w);
        let weight = self.weight.val();
        let demodulation = demodulation_dual(&weight, &style);
        let x = modulated_conv_dual(x, weight, style, self.up());
        let tangent = scale_channels(x.tangent, demodulation.value.clone())
            + scale_channels(x.value.clone(), demodulation.tangent);
        let parts = Epilogue {
            demodulation: Some(demodulation.value),
            ..self.epilogue(noise)
        };
        let value = epilogue(x.value, parts);
        let mut tangent = tangent * lrelu_slope(&value, self.gain);
        if self.clamp.is_finite() {
            tangent = tangent * clamp_slope(&value, self.clamp);
        }
        Dual { value, tangent }
    }

    fn up(&self) -> Option<[f32; 4]> {
        self.up.then_some(RESAMPLE_FILTER)
    }

    /// What follows the demodulated convolution.
    fn epilogue(&self, noise: Option<Tensor<4>>) -> Epilogue {
        Epilogue {
            demodulation: None,
            noise: noise.map(|noise| (noise, self.noise_strength.val())),
            bias: Some(self.bias.val()),
            activation: Activation::Lrelu,
            gain: self.gain,
            clamp: self.clamp.is_finite().then_some(self.clamp),
        }
    }
}
