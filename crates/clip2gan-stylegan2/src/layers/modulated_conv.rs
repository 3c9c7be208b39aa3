//! The directional derivatives of the modulated, demodulated convolution (StyleGAN2, section 2.2).

use burn::tensor::Tensor;
use clip2gan_kernels::{conv2d_resample, demodulation, energy, scale_channels};

use crate::tangent::Dual;

/// `conv(x·s, W)` and its directional derivative, `conv(ẋ·s + x·ṡ, W)`.
///
/// `x [n, i, h, w]`, `style [n, i]`; `weight`, `up` and the result as in [`conv2d_resample`].
pub fn modulated_conv_dual(
    x: Dual<4>,
    weight: Tensor<4>,
    style: Dual<2>,
    up: Option<[f32; 4]>,
) -> Dual<4> {
    let tangent = scale_channels(x.tangent, style.value.clone())
        + scale_channels(x.value.clone(), style.tangent);
    let value = scale_channels(x.value, style.value);
    Dual {
        value: conv2d_resample(value, weight.clone(), up),
        tangent: conv2d_resample(tangent, weight, up),
    }
}

/// [`demodulation`] and its directional derivative, `ḋ = −d³ · Σ s·ṡ·W²`.
pub fn demodulation_dual(weight: &Tensor<4>, style: &Dual<2>) -> Dual<2> {
    let value = demodulation(weight, &style.value);
    let inner = (style.value.clone() * style.tangent.clone()).matmul(energy(weight));
    let tangent = (value.clone() * value.clone() * value.clone() * inner).neg();
    Dual { value, tangent }
}
