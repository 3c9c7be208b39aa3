//! One layer of StyleGAN's synthesis network (StyleGAN, figure 1b).

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use clip2gan_kernels::{Activation, bias_act, conv2d, scale_channels, upfirdn2d};

use crate::init::Init;
use crate::layers::{FullyConnected, adain, adain_dual};
use crate::tangent::{Dual, lrelu_slope};

/// The low-pass filter after doubling, `[1, 2, 1]`, normalised to sum 1.
const BLUR: [f32; 3] = [0.25, 0.5, 0.25];

/// Convolution, noise, bias, leaky ReLU, adaptive instance normalisation.
#[derive(Module, Debug)]
pub struct AdainLayer {
    /// `[o, i, 3, 3]`, before the run-time gain `√2 / √(9·i)`; the network's first layer has no convolution.
    pub weight: Option<Param<Tensor<4>>>,
    /// `[o]`.
    pub bias: Param<Tensor<1>>,
    /// `[o]`: how much noise is added to each channel.
    pub noise_strength: Param<Tensor<1>>,
    /// `[h, w]`: the noise of the constant mode; a buffer.
    pub noise_const: Param<Tensor<2>>,
    /// `w → [y_s, y_b]`.
    pub affine: FullyConnected,
    up: bool,
}

impl AdainLayer {
    /// A layer whose output is `resolution` pixels wide. Without `inputs` it has no convolution; with `up` it doubles
    /// its input.
    pub(crate) fn new(
        inputs: Option<usize>,
        outputs: usize,
        w_dim: usize,
        resolution: usize,
        up: bool,
        init: &mut Init,
    ) -> Self {
        Self {
            weight: inputs.map(|inputs| init.normal([outputs, inputs, 3, 3], 1.0)),
            bias: init.filled([outputs], 0.0),
            noise_strength: init.filled([outputs], 0.0),
            noise_const: init.normal_buffer([resolution, resolution]),
            affine: FullyConnected::new(w_dim, 2 * outputs, 1.0, 0.0, false, init),
            up,
        }
    }

    /// `x [n, i, h, w]`, `w [n, w_dim]`, `noise [n or 1, 1, H, W]` of the output's size.
    pub fn forward(&self, x: Tensor<4>, w: Tensor<2>, noise: Option<Tensor<4>>) -> Tensor<4> {
        let x = self.activate(self.convolve(x), noise);
        adain(x, self.affine.forward(w))
    }

    /// The layer and its directional derivative; noise and bias have none.
    pub fn forward_dual(&self, x: Dual<4>, w: Dual<2>, noise: Option<Tensor<4>>) -> Dual<4> {
        let x = x.map(|x| self.convolve(x));
        let value = self.activate(x.value, noise);
        let tangent = x.tangent * lrelu_slope(&value, 1.0);
        adain_dual(Dual { value, tangent }, self.affine.forward_dual(w))
    }

    /// Doubling by repetition, convolution, blur: what the layer has of them.
    fn convolve(&self, x: Tensor<4>) -> Tensor<4> {
        let Some(weight) = &self.weight else {
            return x;
        };
        let weight = weight.val();
        let inputs = weight.dims()[1];
        let weight = weight * (2.0 / (9 * inputs) as f32).sqrt();
        match self.up {
            false => conv2d(x, weight),
            true => upfirdn2d(conv2d(repeated(x), weight), &BLUR, 1, 1, [1; 4], 1.0),
        }
    }

    fn activate(&self, x: Tensor<4>, noise: Option<Tensor<4>>) -> Tensor<4> {
        let x = match noise {
            Some(noise) => {
                let [n, _, height, width] = noise.dims();
                let strength = self.noise_strength.val();
                let channels = strength.dims()[0];
                let strength = strength.reshape([1, channels]).repeat_dim(0, n);
                x + scale_channels(noise.expand([n, channels, height, width]), strength)
            }
            None => x,
        };
        bias_act(x, Some(self.bias.val()), Activation::Lrelu, 1.0, None)
    }
}

/// Every pixel four times: `[n, c, h, w]` → `[n, c, 2h, 2w]`.
fn repeated(x: Tensor<4>) -> Tensor<4> {
    let [n, c, h, w] = x.dims();
    x.reshape([n * c, h, 1, w, 1])
        .expand([n * c, h, 2, w, 2])
        .reshape([n, c, 2 * h, 2 * w])
}
