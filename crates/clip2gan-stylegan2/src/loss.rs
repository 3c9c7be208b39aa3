//! Losses: non-saturating logistic (GAN, section 3; StyleGAN2, appendix B) and R1.

use burn::module::Module;
use burn::tensor::{Tensor, activation::relu};

use crate::Discriminator;
use crate::tangent::Dual;

/// `log(1 + eˣ)` without overflow.
fn softplus(x: Tensor<2>) -> Tensor<2> {
    relu(x.clone()) + x.abs().neg().exp().log1p()
}

/// Non-saturating loss of the generator, `mean(−log σ(fake))`, `[1]`; logits are `[n, 1]`.
pub fn generator_loss(fake_logits: Tensor<2>) -> Tensor<1> {
    softplus(fake_logits.neg()).mean()
}

/// Logistic loss of the discriminator on generated images, `mean(−log(1 − σ(fake)))`, `[1]`.
pub fn fake_loss(fake_logits: Tensor<2>) -> Tensor<1> {
    softplus(fake_logits).mean()
}

/// Logistic loss of the discriminator on real images, `mean(−log σ(real))`, `[1]`.
pub fn real_loss(real_logits: Tensor<2>) -> Tensor<1> {
    softplus(real_logits.neg()).mean()
}

/// The R1 penalty of a batch (*Which training methods for GANs do actually converge?*, equation 9).
pub struct R1 {
    /// `[n]`: `‖∇ₓD(x)‖²` per image, without a graph.
    pub penalty: Tensor<1>,
    /// `[n, channels, r, r]`: `∇ₓ Σ D(x)`, without a graph.
    pub image_gradient: Tensor<4>,
    /// `[1]`: its *gradient* with respect to the parameters is that of `Σ ½‖∇ₓD(x)‖²`; its value is `Σ ‖∇ₓD(x)‖²`.
    pub surrogate: Tensor<1>,
}

/// R1 at `real [n, channels, r, r]`, exactly; see [`crate::tangent`].
///
/// `discriminator` has autodiff enabled (`Module::train`).
pub fn r1(discriminator: &Discriminator, real: Tensor<4>) -> R1 {
    let image = real.clone().inner().autodiff().require_grad();
    let logits = discriminator.valid().forward(image.clone());
    let mut gradients = logits.sum().backward();
    let image_gradient = image
        .grad_remove(&mut gradients)
        .unwrap_or_else(|| real.clone().inner().zeros_like());
    let batch = image_gradient.dims()[0];
    let penalty = (image_gradient.clone() * image_gradient.clone()).reshape([batch as i32, -1]);
    let penalty = penalty.sum_dim(1).squeeze_dim(1);

    let dual = Dual {
        value: real.inner(),
        tangent: image_gradient.clone(),
    };
    let surrogate = discriminator.forward_dual(dual).tangent.sum();
    R1 {
        penalty,
        image_gradient,
        surrogate,
    }
}
