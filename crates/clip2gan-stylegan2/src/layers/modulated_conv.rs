//! Modulated, demodulated convolution (StyleGAN2, section 2.2).
//!
//! The paper folds the style into the weight, `w' = W·s`, divides by `√(Σ w'² + 1e-8)` per output channel and runs
//! one grouped convolution per batch. Scaling is linear, so `y = d · conv(x·s, W)` is the same and shares `W` over
//! the batch; the factor `d` is a small matrix product.

use burn::tensor::Tensor;
use clip2gan_kernels::{conv2d, conv2d_up, scale_channels, upfirdn2d};

use crate::layers::RESAMPLE_FILTER;

/// `conv(x·s, W)`: convolution whose input channels are scaled by the style, without demodulation.
///
/// `x [n, i, h, w]`, `weight [o, i, k, k]` (k = 3, or 1 without `up`), `style [n, i]` → `[n, o, h, w]`, doubled in
/// size and low-pass filtered if `up`.
pub fn modulated_conv(x: Tensor<4>, weight: Tensor<4>, style: Tensor<2>, up: bool) -> Tensor<4> {
    let x = scale_channels(x, style);
    if up {
        upfirdn2d(conv2d_up(x, weight), &RESAMPLE_FILTER, 1, 1, [1; 4], 4.0)
    } else {
        conv2d(x, weight)
    }
}

/// `d_o = 1 / √(Σ_{i,k} (W·s)² + 1e-8)`: `weight [o, i, k, k]`, `style [n, i]` → `[n, o]`.
///
/// The sum is `s² · Σ_k W²`, so no weight per image is ever made.
pub fn demodulation(weight: &Tensor<4>, style: &Tensor<2>) -> Tensor<2> {
    let [outputs, inputs, height, width] = weight.dims();
    let flat = weight.clone().reshape([outputs, inputs, height * width]);
    let energy: Tensor<2> = (flat.clone() * flat).sum_dim(2).squeeze_dim(2);
    let squared = style.clone() * style.clone();
    (squared.matmul(energy.transpose()) + 1e-8).sqrt().recip()
}
