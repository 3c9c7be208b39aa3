//! The operations that StyleGAN2 and CLIP spend their time in, as custom burn operations.
//!
//! Each function takes and gives ordinary [`Tensor`]s and can be differentiated once. In `f32` on the CPU backend the
//! work is done by kernels of this crate; in other types and on other devices by plain tensor operations
//! ([`plain`]), which give the same numbers up to rounding. [`set_plain`] switches the fast kernels off.
//!
//! Maps are `[batch, channels, height, width]`; weights are `[out_channels, in_channels, k, k]`.

#[cfg(feature = "flex")]
mod autodiff;
#[cfg(feature = "flex")]
mod backend;
mod block;
#[cfg(feature = "flex")]
mod fast;
#[cfg(feature = "flex")]
mod fast_path;
#[cfg(feature = "flex")]
mod flex;
mod layer;
mod memory;
pub mod plain;

pub use block::{Attention, attention, linear_add};
pub use layer::{Modulation, conv2d_resample, demodulation, energy, modulated_conv2d};
pub use memory::keep_freed_memory;

use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::Tensor;

/// Slope of the leaky ReLU below zero, everywhere in StyleGAN2.
pub const LRELU_SLOPE: f32 = 0.2;

static PLAIN: AtomicBool = AtomicBool::new(false);

/// `true` makes every operation run as plain tensor operations, for comparison; `false` (the default) uses the fast
/// kernels where they apply. The switch holds for the whole process.
pub fn set_plain(plain: bool) {
    PLAIN.store(plain, Ordering::Relaxed);
}

/// Runs `op` on one of the kernels' threads. Whoever calls many operations in turn saves by it that every one of them wakes a thread and
/// waits for it. Without the feature `flex` it runs where it is.
pub fn on_workers<T: Send>(op: impl FnOnce() -> T + Send) -> T {
    #[cfg(feature = "flex")]
    return rayon::scope(|_| op());
    #[cfg(not(feature = "flex"))]
    op()
}

/// Vector instructions, for [`limit_instructions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Instructions {
    /// The best that the processor has: AVX-512, AVX2 with FMA, NEON, or portable code.
    Best,
    /// AVX2 with FMA at most; portable code where the processor has none.
    Avx2,
    /// Portable code, which the compiler vectorises for whatever the target is sure to have.
    Portable,
}

/// Makes the fast kernels use no more than these vector instructions, for comparison and in tests. The limit holds for the whole
/// process; without the feature `flex` there is nothing to limit.
pub fn limit_instructions(most: Instructions) {
    #[cfg(feature = "flex")]
    fast::instructions::set_limit(most);
    #[cfg(not(feature = "flex"))]
    let _ = most;
}

/// The non-linearity of an [`Epilogue`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `x`
    Linear,
    /// `max(x, 0.2 x)`
    Lrelu,
}

/// What follows a convolution in StyleGAN2, in this order; see [`epilogue`].
#[derive(Clone, Debug)]
pub struct Epilogue {
    /// Per-sample, per-channel factor `[batch, channels]`.
    pub demodulation: Option<Tensor<2>>,
    /// Noise map `[batch or 1, 1, height, width]` and its strength `[1]`.
    pub noise: Option<(Tensor<4>, Tensor<1>)>,
    /// Per-channel bias `[channels]`.
    pub bias: Option<Tensor<1>>,
    /// Non-linearity.
    pub activation: Activation,
    /// Factor after the non-linearity; positive.
    pub gain: f32,
    /// Symmetric limit after the gain.
    pub clamp: Option<f32>,
}

/// The non-linearity after a fully connected layer of a transformer; see [`linear`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nonlinearity {
    /// `x`
    None,
    /// `x · σ(1.702 x)`, of OpenAI's CLIP.
    QuickGelu,
    /// `x · Φ(x)`
    Gelu,
}

/// A separable resampling filter with its factors; see [`upfirdn2d`].
#[derive(Clone, Debug, PartialEq)]
pub struct Resampling {
    /// One-dimensional filter, applied along both axes; at least one tap.
    pub taps: Vec<f32>,
    /// Zeros are inserted so that there are `up` times as many rows and columns.
    pub up: usize,
    /// Every `down`-th row and column is kept.
    pub down: usize,
    /// Zeros added after the insertion: left, right, top, bottom.
    pub pad: [usize; 4],
    /// Factor of the whole (two-dimensional) filter; positive.
    pub gain: f32,
}

/// Convolution at stride 1 that keeps the size: 3×3 with padding 1, or 1×1.
///
/// `x` `[n, i, h, w]`, `weight` `[o, i, k, k]` with k = 1 or 3 → `[n, o, h, w]`.
pub fn conv2d(x: Tensor<4>, weight: Tensor<4>) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if fast_path::serves(&x) {
        return fast_path::conv(x, weight, fast::conv::Kind::Same);
    }
    plain::conv2d(x, weight)
}

/// 3×3 convolution at stride 2 without padding: `[n, i, 2h+1, 2w+1]` → `[n, o, h, w]`.
pub fn conv2d_down(x: Tensor<4>, weight: Tensor<4>) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if fast_path::serves(&x) {
        return fast_path::conv(x, weight, fast::conv::Kind::Down);
    }
    plain::conv2d_down(x, weight)
}

/// Transposed 3×3 convolution at stride 2 without padding: `[n, i, h, w]` → `[n, o, 2h+1, 2w+1]`.
///
/// `weight` is `[o, i, 3, 3]` and not flipped: `y[2r+a, 2c+b] += weight[a, b] · x[r, c]`.
pub fn conv2d_up(x: Tensor<4>, weight: Tensor<4>) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if fast_path::serves(&x) {
        return fast_path::conv(x, weight, fast::conv::Kind::Up);
    }
    plain::conv2d_up(x, weight)
}

/// Upsample by zero insertion, pad, filter, downsample (StyleGAN2's `upfirdn2d`), with a separable filter.
///
/// `[n, c, h, w]` → `[n, c, (h·up + y0 + y1 − taps)/down + 1, …]`. `taps` sum to 1; `pad` is left, right, top, bottom.
pub fn upfirdn2d(
    x: Tensor<4>,
    taps: &[f32],
    up: usize,
    down: usize,
    pad: [usize; 4],
    gain: f32,
) -> Tensor<4> {
    let resampling = Resampling {
        taps: taps.to_vec(),
        up,
        down,
        pad,
        gain,
    };
    #[cfg(feature = "flex")]
    if let Some(adjoint) = resampling.adjoint(x.dims()[2], x.dims()[3])
        && fast_path::serves(&x)
    {
        return fast_path::resample(x, resampling, adjoint);
    }
    plain::upfirdn2d(x, &resampling)
}

/// Multiplies each channel of each sample: `x` `[n, c, h, w]` by `scale` `[n, c]`.
pub fn scale_channels(x: Tensor<4>, scale: Tensor<2>) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if fast_path::serves(&x) {
        return fast_path::scale(x, scale);
    }
    plain::scale_channels(x, scale)
}

/// `clamp(gain · activation(x · demodulation + noise · strength + bias))`: one pass over the map.
pub fn epilogue(x: Tensor<4>, epilogue: Epilogue) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if fast_path::serves(&x) {
        return fast_path::epilogue(x, epilogue);
    }
    plain::epilogue(x, epilogue)
}

/// Fully connected layer: `nonlinearity(x · weightᵀ + bias)`.
///
/// `x` `[rows, in]`, `weight` `[out, in]`, `bias` `[out]` → `[rows, out]`.
pub fn linear(
    x: Tensor<2>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    nonlinearity: Nonlinearity,
) -> Tensor<2> {
    #[cfg(feature = "flex")]
    if fast_path::serves(&x) {
        return fast_path::linear(x, weight, bias, nonlinearity);
    }
    plain::linear(x, weight, bias, nonlinearity)
}

/// Layer normalisation over the last axis: `(x − mean) / √(var + epsilon) · gain + bias`.
///
/// `x` `[rows, width]`, `gain` and `bias` `[width]` → `[rows, width]`.
pub fn layer_norm(x: Tensor<2>, gain: Tensor<1>, bias: Tensor<1>, epsilon: f32) -> Tensor<2> {
    #[cfg(feature = "flex")]
    if fast_path::serves(&x) {
        return fast_path::layer_norm(x, gain, bias, epsilon);
    }
    plain::layer_norm(x, gain, bias, epsilon)
}

/// [`epilogue`] with a bias alone.
pub fn bias_act(
    x: Tensor<4>,
    bias: Option<Tensor<1>>,
    activation: Activation,
    gain: f32,
    clamp: Option<f32>,
) -> Tensor<4> {
    let parts = Epilogue {
        demodulation: None,
        noise: None,
        bias,
        activation,
        gain,
        clamp,
    };
    epilogue(x, parts)
}
