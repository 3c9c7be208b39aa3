//! The layers of both networks.

mod adain;
mod adain_layer;
mod conv_layer;
mod fully_connected;
mod modulated_conv;
mod synthesis_layer;
mod to_rgb;

pub use adain::{adain, adain_dual, instance_norm, instance_norm_dual};
pub use adain_layer::AdainLayer;
pub use conv_layer::ConvLayer;
pub use fully_connected::FullyConnected;
pub use modulated_conv::{demodulation_dual, modulated_conv_dual};
pub use synthesis_layer::SynthesisLayer;
pub use to_rgb::ToRgb;

use burn::tensor::Tensor;
use clip2gan_kernels::upfirdn2d;

/// Slope of the leaky ReLU on its negative side.
pub(crate) const SLOPE: f32 = 0.2;

/// The resampling filter `[1, 3, 3, 1]`, normalised to sum 1 (StyleGAN2, section 4 and table 1 config E).
pub const RESAMPLE_FILTER: [f32; 4] = [0.125, 0.375, 0.375, 0.125];

/// Doubles the size of `x [n, c, h, w]`.
pub(crate) fn upsample(x: Tensor<4>) -> Tensor<4> {
    upfirdn2d(x, &RESAMPLE_FILTER, 2, 1, [2, 1, 2, 1], 4.0)
}

/// Halves the size of `x [n, c, h, w]`.
pub(crate) fn downsample(x: Tensor<4>) -> Tensor<4> {
    upfirdn2d(x, &RESAMPLE_FILTER, 1, 2, [1; 4], 1.0)
}
