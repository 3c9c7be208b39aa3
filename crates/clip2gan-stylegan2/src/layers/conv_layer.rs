//! Plain convolution, of the discriminator and of shortcuts, with equalised learning rate.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use clip2gan_kernels::{Activation, bias_act, conv2d, conv2d_down, upfirdn2d};

use crate::init::Init;
use crate::layers::{RESAMPLE_FILTER, downsample, upsample};
use crate::tangent::{Dual, clamp_slope, lrelu_slope};

/// Convolution (1×1 or 3×3), optionally halving its input after the low-pass filter, and, where the layer has a bias,
/// bias and leaky ReLU.
#[derive(Module, Debug)]
pub struct ConvLayer {
    /// `[o, i, k, k]`, before the run-time gain `1 / √(i·k²)`.
    pub weight: Param<Tensor<4>>,
    /// `[o]`; a layer without it is linear.
    pub bias: Option<Param<Tensor<1>>>,
    down: bool,
    up: bool,
    gain: f32,
    /// Infinite where nothing is cut off.
    clamp: f32,
}

impl ConvLayer {
    /// A layer of `inputs → outputs`; `gain` multiplies the result (a leaky ReLU wants √2).
    pub(crate) fn new(
        inputs: usize,
        outputs: usize,
        kernel: usize,
        bias: bool,
        down: bool,
        gain: f32,
        init: &mut Init,
    ) -> Self {
        Self {
            weight: init.normal([outputs, inputs, kernel, kernel], 1.0),
            bias: bias.then(|| init.filled([outputs], 0.0)),
            down,
            up: false,
            gain,
            clamp: f32::INFINITY,
        }
    }

    /// A linear 1×1 layer of `inputs → outputs` that doubles its input's size.
    pub(crate) fn upsampling(inputs: usize, outputs: usize, gain: f32, init: &mut Init) -> Self {
        Self {
            up: true,
            ..Self::new(inputs, outputs, 1, false, false, gain, init)
        }
    }

    /// The same layer with its result limited to `±clamp`, if it has a bias.
    pub(crate) fn clamped(self, clamp: Option<f32>) -> Self {
        Self {
            clamp: clamp.unwrap_or(f32::INFINITY),
            ..self
        }
    }

    /// `[n, i, h, w] → [n, o, h, w]`, or half or twice that size.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        match &self.bias {
            Some(bias) => bias_act(
                self.linear(x, 1.0),
                Some(bias.val()),
                Activation::Lrelu,
                self.gain,
                self.clamp.is_finite().then_some(self.clamp),
            ),
            None => self.linear(x, self.gain),
        }
    }

    /// The layer and its directional derivative.
    pub fn forward_dual(&self, x: Dual<4>) -> Dual<4> {
        let value = self.forward(x.value);
        let tangent = match &self.bias {
            Some(_) => {
                let tangent = self.linear(x.tangent, 1.0) * lrelu_slope(&value, self.gain);
                if self.clamp.is_finite() {
                    tangent * clamp_slope(&value, self.clamp)
                } else {
                    tangent
                }
            }
            None => self.linear(x.tangent, self.gain),
        };
        Dual { value, tangent }
    }

    fn linear(&self, x: Tensor<4>, gain: f32) -> Tensor<4> {
        let weight = self.weight.val();
        let [_, inputs, kernel, _] = weight.dims();
        let weight = weight * (gain / ((inputs * kernel * kernel) as f32).sqrt());
        // A 1×1 convolution commutes with the sampling: it runs at the smaller size.
        match (self.down, kernel) {
            (false, _) if self.up => upsample(conv2d(x, weight)),
            (false, _) => conv2d(x, weight),
            (true, 1) => conv2d(downsample(x), weight),
            (true, _) => conv2d_down(upfirdn2d(x, &RESAMPLE_FILTER, 1, 1, [2; 4], 1.0), weight),
        }
    }
}
