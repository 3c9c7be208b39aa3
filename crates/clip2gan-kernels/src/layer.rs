//! A layer of StyleGAN2's synthesis (section 2.2).
//!
//! The paper folds the style into the weight, `w' = W·s`, divides by `√(Σ w'² + 1e-8)` per output channel and runs one grouped
//! convolution per batch. Scaling is linear, so `y = d · conv(x·s, W)` is the same and shares `W` over the batch; the factor `d` is
//! a small matrix product.

use burn::tensor::Tensor;

#[cfg(feature = "flex")]
use crate::fast_path;
use crate::{Epilogue, conv2d, conv2d_up, epilogue, scale_channels, upfirdn2d};

/// How a layer convolves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Modulation {
    /// Whether each output channel is divided by the norm of its scaled kernel.
    pub demodulate: bool,
    /// The taps of a doubling layer (see [`conv2d_resample`]); none for a layer that keeps the size.
    pub up: Option<[f32; 4]>,
}

/// `epilogue(d · conv(x · style, weight))`, where `d` is the [`demodulation`] or 1.
///
/// `x` `[n, i, h, w]`, `style` `[n, i]`, `weight` and result as in [`conv2d_resample`]; `parts` hold no demodulation of their own.
/// Where nothing is differentiated, the CPU backend does it all at once, and keeps what it made of the weight for as long as the
/// weight lives.
///
/// # Panics
/// If shapes do not agree.
pub fn modulated_conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    style: Tensor<2>,
    modulation: Modulation,
    parts: Epilogue,
) -> Tensor<4> {
    assert!(parts.demodulation.is_none(), "a demodulation of its own");
    #[cfg(feature = "flex")]
    if fast_path::serves_layer(&x, &weight, &style) {
        return fast_path::layer(x, weight, style, modulation, parts);
    }
    let demodulate = || demodulation(&weight, &style);
    let demodulation = modulation.demodulate.then(demodulate);
    let x = conv2d_resample(scale_channels(x, style), weight, modulation.up);
    epilogue(
        x,
        Epilogue {
            demodulation,
            ..parts
        },
    )
}

/// Convolution that keeps the size, or doubles it: a transposed convolution and the separable filter of these four taps, which sum
/// to 1.
///
/// `x` `[n, i, h, w]`, `weight` `[o, i, k, k]` with k = 3, or 1 without `up` → `[n, o, h, w]`, or with `up` `[n, o, 2h, 2w]`.
pub fn conv2d_resample(x: Tensor<4>, weight: Tensor<4>, up: Option<[f32; 4]>) -> Tensor<4> {
    match up {
        Some(taps) => upfirdn2d(conv2d_up(x, weight), &taps, 1, 1, [1; 4], 4.0),
        None => conv2d(x, weight),
    }
}

/// `d_o = 1 / √(Σ_{i,k} (W·s)² + 1e-8)`: `weight` `[o, i, k, k]`, `style` `[n, i]` → `[n, o]`.
///
/// The sum is `s² · Σ_k W²`, so no weight per image is ever made.
pub fn demodulation(weight: &Tensor<4>, style: &Tensor<2>) -> Tensor<2> {
    let squared = style.clone() * style.clone();
    (squared.matmul(energy(weight)) + 1e-8).sqrt().recip()
}

/// `Σ_k W²` of `weight` `[o, i, k, k]`, `[i, o]`.
pub fn energy(weight: &Tensor<4>) -> Tensor<2> {
    let [outputs, inputs, height, width] = weight.dims();
    let flat = weight.clone().reshape([outputs, inputs, height * width]);
    let energy: Tensor<2> = (flat.clone() * flat).sum_dim(2).squeeze_dim(2);
    energy.transpose()
}
