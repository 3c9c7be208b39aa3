//! What a transformer's block is made of where nothing is differentiated: a fully connected layer that adds to the residual stream, and
//! attention.

use burn::tensor::Tensor;

#[cfg(feature = "flex")]
use crate::fast_path;
use crate::{Nonlinearity, linear, plain};

/// The shape of a self-attention; see [`attention`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attention {
    /// Sequences, of one length.
    pub batch: usize,
    /// Heads; they divide the width.
    pub heads: usize,
    /// Whether a token sees only itself and those before it.
    pub causal: bool,
}

/// `residual + x · weightᵀ + bias`.
///
/// `x` `[rows, in]`, `weight` `[out, in]`, `bias` `[out]`, `residual` `[rows, out]`, as is the result.
pub fn linear_add(
    x: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    residual: Tensor<2>,
) -> Tensor<2> {
    #[cfg(feature = "flex")]
    {
        let tracked = weight.is_autodiff() || bias.is_autodiff() || residual.is_autodiff();
        if !tracked && fast_path::serves_untracked(&x) {
            return fast_path::linear_add(x, weight, bias, Nonlinearity::None, residual);
        }
    }
    residual + linear(x, weight, Some(bias), Nonlinearity::None)
}

/// Scaled dot-product self-attention (Vaswani et al. 2017, section 3.2) of queries, keys and values that one layer gave.
///
/// `qkv` `[batch·length, 3·width]` → `[batch·length, width]`.
pub fn attention(qkv: Tensor<2>, shape: Attention) -> Tensor<2> {
    #[cfg(feature = "flex")]
    if fast_path::serves_untracked(&qkv) {
        return fast_path::attention(qkv, shape);
    }
    let [_, stacked] = qkv.dims();
    let width = stacked / 3;
    let parts = [0, 1, 2].map(|part| qkv.clone().narrow(1, part * width, width));
    plain::attention(parts, shape)
}
