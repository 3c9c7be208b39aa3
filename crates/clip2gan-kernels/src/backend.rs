//! The extension of burn's backends: which operations exist, and how they are differentiated.

use burn::backend::{Backend, backend_extension, tensor::FloatTensor};

use crate::fast::{conv::Kind, finish::Shape};
use crate::{Attention, Modulation, Nonlinearity, Resampling};

/// The operations as burn dispatches them, for contiguous or strided `f32` tensors on the CPU backend.
#[backend_extension(Flex, Autodiff)]
pub trait StyleganOps: Backend {
    /// Convolution of one [`Kind`].
    fn stylegan_conv(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        kind: Kind,
    ) -> FloatTensor<Self>;

    /// `upfirdn2d`; `adjoint` carries its gradients.
    fn stylegan_resample(
        x: FloatTensor<Self>,
        resampling: Resampling,
        adjoint: Resampling,
    ) -> FloatTensor<Self>;

    /// Per-sample, per-channel scale.
    fn stylegan_scale(x: FloatTensor<Self>, scale: FloatTensor<Self>) -> FloatTensor<Self>;

    /// `clamp(gain · activation(x · demodulation + noise · strength + bias))`; no gradient for `noise`.
    ///
    /// The extension takes no optional tensors: a part that is absent is a tensor without elements.
    fn stylegan_epilogue(
        x: FloatTensor<Self>,
        demodulation: FloatTensor<Self>,
        noise: FloatTensor<Self>,
        strength: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        shape: Shape,
    ) -> FloatTensor<Self>;
}

/// A whole layer of StyleGAN2's synthesis, where nothing is differentiated.
#[backend_extension(Flex)]
pub trait LayerOps: Backend {
    /// `clamp(gain · activation(d · filter(conv(x · style, weight)) + noise · strength + bias))`; absent parts are tensors without
    /// elements.
    #[allow(
        clippy::too_many_arguments,
        reason = "the extension takes tensors one by one"
    )]
    fn stylegan_layer(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        style: FloatTensor<Self>,
        noise: FloatTensor<Self>,
        strength: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        modulation: Modulation,
        shape: Shape,
    ) -> FloatTensor<Self>;
}

/// Of a transformer's block, where nothing is differentiated.
#[backend_extension(Flex)]
pub trait BlockOps: Backend {
    /// `nonlinearity(x · weightᵀ + bias) + residual`, the last two unless they are without elements.
    fn clip_linear_add(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        nonlinearity: Nonlinearity,
        residual: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// Self-attention of queries, keys and values that stand in one matrix.
    fn clip_attention(qkv: FloatTensor<Self>, shape: Attention) -> FloatTensor<Self>;
}

/// The transformers' operations, as the first ones.
#[backend_extension(Flex, Autodiff)]
pub trait ClipOps: Backend {
    /// `nonlinearity(x · weightᵀ + bias)`; an absent bias is a tensor without elements.
    fn clip_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        nonlinearity: Nonlinearity,
    ) -> FloatTensor<Self>;

    /// `(x − mean) / √(var + epsilon) · gain + bias` over the last axis.
    fn clip_layer_norm(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self>;
}

/// The derivatives of the transformers' operations.
pub trait ClipGradients: ClipOps {
    /// The non-linearity alone.
    fn nonlinear(x: FloatTensor<Self>, nonlinearity: Nonlinearity) -> FloatTensor<Self>;

    /// Gradient before the non-linearity, from what went into it and the gradient after it.
    fn nonlinear_gradient(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        nonlinearity: Nonlinearity,
    ) -> FloatTensor<Self>;

    /// Gradients of layer normalisation's input, gain and bias.
    fn layer_norm_gradients(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        epsilon: f32,
    ) -> [FloatTensor<Self>; 3];
}

/// The derivatives that the backward passes are made of.
pub trait StyleganGradients: StyleganOps {
    /// Gradient of a convolution's input from that of its output.
    fn conv_input_gradient(
        grad: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        kind: Kind,
    ) -> FloatTensor<Self>;

    /// Gradient of a convolution's weight, whose kernel is `k` × `k`.
    fn conv_weight_gradient(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        kind: Kind,
        k: usize,
    ) -> FloatTensor<Self>;

    /// Dot products of planes: `[n, c, h, w]` × 2 → `[n, c]`; `y` may have a single channel or sample.
    fn plane_dots(x: FloatTensor<Self>, y: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Sum over batch, rows and columns: `[n, c, h, w]` → `[c]`.
    fn channel_sums(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Gradient before the non-linearity, from the output and its gradient.
    fn epilogue_gradient(
        y: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        shape: Shape,
    ) -> FloatTensor<Self>;
}
