//! Modulated, demodulated convolution (StyleGAN2, section 2.2).
//!
//! The paper folds the style into the weight, `w' = W·s`, divides by `√(Σ w'² + 1e-8)` per output channel and runs
//! one grouped convolution per batch. Scaling is linear, so `y = d · conv(x·s, W)` is the same and shares `W` over
//! the batch; the factor `d` is a small matrix product.

use burn::tensor::Tensor;
use clip2gan_kernels::{conv2d, conv2d_up, scale_channels, upfirdn2d};

use crate::layers::RESAMPLE_FILTER;
use crate::tangent::Dual;

/// `conv(x·s, W)`: convolution whose input channels are scaled by the style, without demodulation.
///
/// `x [n, i, h, w]`, `weight [o, i, k, k]` (k = 3, or 1 without `up`), `style [n, i]` → `[n, o, h, w]`, doubled in
/// size and low-pass filtered if `up`.
pub fn modulated_conv(x: Tensor<4>, weight: Tensor<4>, style: Tensor<2>, up: bool) -> Tensor<4> {
    convolve(scale_channels(x, style), weight, up)
}

/// [`modulated_conv`] and its directional derivative, `conv(ẋ·s + x·ṡ, W)`.
pub fn modulated_conv_dual(x: Dual<4>, weight: Tensor<4>, style: Dual<2>, up: bool) -> Dual<4> {
    let tangent = scale_channels(x.tangent, style.value.clone())
        + scale_channels(x.value.clone(), style.tangent);
    Dual {
        value: convolve(scale_channels(x.value, style.value), weight.clone(), up),
        tangent: convolve(tangent, weight, up),
    }
}

fn convolve(x: Tensor<4>, weight: Tensor<4>, up: bool) -> Tensor<4> {
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
    let squared = style.clone() * style.clone();
    (squared.matmul(energy(weight)) + 1e-8).sqrt().recip()
}

/// [`demodulation`] and its directional derivative, `ḋ = −d³ · Σ s·ṡ·W²`.
pub fn demodulation_dual(weight: &Tensor<4>, style: &Dual<2>) -> Dual<2> {
    let value = demodulation(weight, &style.value);
    let inner = (style.value.clone() * style.tangent.clone()).matmul(energy(weight));
    let tangent = (value.clone() * value.clone() * value.clone() * inner).neg();
    Dual { value, tangent }
}

/// `Σ_k W²`, `[i, o]`.
fn energy(weight: &Tensor<4>) -> Tensor<2> {
    let [outputs, inputs, height, width] = weight.dims();
    let flat = weight.clone().reshape([outputs, inputs, height * width]);
    let energy: Tensor<2> = (flat.clone() * flat).sum_dim(2).squeeze_dim(2);
    energy.transpose()
}
