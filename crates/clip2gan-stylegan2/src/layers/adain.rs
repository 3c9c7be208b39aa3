//! Adaptive instance normalisation (StyleGAN, section 2, equation 1).

use burn::tensor::Tensor;

use crate::tangent::Dual;

/// Below this, a feature map counts as flat.
const EPSILON: f32 = 1e-8;

/// Every map of `x [n, c, h, w]` with mean 0 and variance 1.
pub fn instance_norm(x: Tensor<4>) -> Tensor<4> {
    let (centred, scale) = moments(x);
    centred * scale
}

/// [`instance_norm`] and its directional derivative, `(ẋ − mean ẋ − y · mean(y·ẋ)) / σ` with `y` the normalised map.
pub fn instance_norm_dual(x: Dual<4>) -> Dual<4> {
    let (centred, scale) = moments(x.value);
    let value = centred * scale.clone();
    let tangent = x.tangent.clone() - spatial_mean(x.tangent);
    let along = spatial_mean(value.clone() * tangent.clone());
    let tangent = (tangent - value.clone() * along) * scale;
    Dual { value, tangent }
}

/// `instance_norm(x) · (y_s + 1) + y_b` for `x [n, c, h, w]` and `style [n, 2c]`, the scales `y_s` before the biases `y_b`.
pub fn adain(x: Tensor<4>, style: Tensor<2>) -> Tensor<4> {
    let [scale, bias] = halves(style);
    instance_norm(x) * (scale + 1.0) + bias
}

/// [`adain`] and its directional derivative.
pub fn adain_dual(x: Dual<4>, style: Dual<2>) -> Dual<4> {
    let normal = instance_norm_dual(x);
    let [scale, bias] = halves(style.value);
    let [scale_tangent, bias_tangent] = halves(style.tangent);
    let scale = scale + 1.0;
    Dual {
        tangent: normal.tangent * scale.clone()
            + normal.value.clone() * scale_tangent
            + bias_tangent,
        value: normal.value * scale + bias,
    }
}

/// The centred maps, and `1 / σ` of each.
fn moments(x: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
    let centred = x.clone() - spatial_mean(x);
    let variance = spatial_mean(centred.clone() * centred.clone());
    (centred, (variance + EPSILON).sqrt().recip())
}

/// `[n, c, h, w]` → `[n, c, 1, 1]`.
fn spatial_mean(x: Tensor<4>) -> Tensor<4> {
    let [n, c, h, w] = x.dims();
    x.reshape([n, c, h * w]).mean_dim(2).reshape([n, c, 1, 1])
}

/// `[n, 2c]` → two of `[n, c, 1, 1]`.
fn halves(style: Tensor<2>) -> [Tensor<4>; 2] {
    let [n, both] = style.dims();
    let c = both / 2;
    [0, c].map(|start| style.clone().narrow(1, start, c).reshape([n, c, 1, 1]))
}
