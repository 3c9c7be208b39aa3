//! Losses: non-saturating logistic (GAN, section 3; StyleGAN2, appendix B), R1 and path lengths.

use burn::module::Module;
use burn::tensor::{Tensor, activation::relu};

use crate::augment::Augmentation;
use crate::tangent::Dual;
use crate::{Discriminator, NoiseMode, Synthesis};

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
///
/// # Panics
/// If the discriminator is conditional: see [`r1_labelled`].
pub fn r1(discriminator: &Discriminator, real: Tensor<4>) -> R1 {
    exact_r1(discriminator, real, None, None)
}

/// [`r1`] with `labels [n, c_dim]`, for a conditional discriminator.
pub fn r1_labelled(discriminator: &Discriminator, real: Tensor<4>, labels: Tensor<2>) -> R1 {
    exact_r1(discriminator, real, Some(labels), None)
}

/// [`r1`] of a discriminator that sees its images augmented, with `labels [n, c_dim]` if it is conditional; the penalty is on
/// the gradient before the augmentation.
pub fn r1_augmented(
    discriminator: &Discriminator,
    real: Tensor<4>,
    labels: Option<Tensor<2>>,
    augmentation: &Augmentation,
) -> R1 {
    exact_r1(discriminator, real, labels, Some(augmentation))
}

/// R1, with labels if the discriminator is conditional, augmented if it sees its images so.
pub(crate) fn exact_r1(
    discriminator: &Discriminator,
    real: Tensor<4>,
    labels: Option<Tensor<2>>,
    augmentation: Option<&Augmentation>,
) -> R1 {
    let image = real.clone().inner().autodiff().require_grad();
    let seen = match augmentation {
        Some(augmentation) => augmentation.apply(image.clone()),
        None => image.clone(),
    };
    let logits = discriminator.valid().logits(seen, labels.clone());
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
    let dual = match augmentation {
        Some(augmentation) => augmentation.apply_dual(dual),
        None => dual,
    };
    let surrogate = discriminator.forward_dual(dual, labels).tangent.sum();
    R1 {
        penalty,
        image_gradient,
        surrogate,
    }
}

/// Path lengths of a batch (StyleGAN2, section 3.2).
pub struct PathLengths {
    /// `[n]`: `‖Jᵀy‖` per image, root of the mean over the latents. Value *and* gradient are exact, with respect to the
    /// parameters of both networks.
    pub lengths: Tensor<1>,
    /// `[n, num_ws, w_dim]`: `Jᵀy`, without a graph.
    pub latent_gradient: Tensor<3>,
}

/// Path lengths at `ws [n, num_ws, w_dim]` for the image-shaped directions `y [n, channels, r, r]`; see
/// [`crate::tangent`].
///
/// `synthesis` has autodiff enabled (`Module::train`); `ws` may hang on the graph of the mapping network. The paper
/// takes `y = N(0, I) / √(r·r)`, so that lengths do not depend on the resolution.
pub fn path_lengths(
    synthesis: &Synthesis,
    ws: Tensor<3>,
    noise: NoiseMode,
    y: Tensor<4>,
) -> PathLengths {
    let leaf = ws.clone().inner().autodiff().require_grad();
    let image = synthesis.valid().forward(leaf.clone(), noise);
    let mut gradients = (image * y.clone()).sum().backward();
    let latent_gradient = leaf
        .grad_remove(&mut gradients)
        .unwrap_or_else(|| ws.clone().inner().zeros_like());

    // The length is √(Σ g² / num_ws), so its gradient is g / (num_ws · length) pushed forward.
    let [n, num_ws, w_dim] = latent_gradient.dims();
    let square = (latent_gradient.clone() * latent_gradient.clone()).reshape([n, num_ws * w_dim]);
    let length = (square.sum_dim(1) / num_ws as f32)
        .sqrt()
        .clamp_min(f32::MIN_POSITIVE);
    let scale = (length * num_ws as f32).recip().reshape([n, 1, 1]);
    let dual = Dual {
        value: ws,
        tangent: latent_gradient.clone() * scale,
    };
    let pushed = synthesis.forward_dual(dual, noise).tangent * y;
    let lengths = pushed.reshape([n as i32, -1]).sum_dim(1).squeeze_dim(1);
    PathLengths {
        lengths,
        latent_gradient,
    }
}
