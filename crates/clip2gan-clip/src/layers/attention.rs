//! Multi-head self-attention (Vaswani et al. 2017, section 3.2).

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use clip2gan_kernels::{Attention, Nonlinearity, attention, linear, plain};

use super::{Init, Projection};

/// Scaled dot-product attention with queries, keys and values stacked in one weight.
#[derive(Module, Debug)]
pub struct MultiHeadAttention {
    /// `[3·width, width]`: queries, keys, values.
    pub in_proj_weight: Param<Tensor<2>>,
    /// `[3·width]`.
    pub in_proj_bias: Param<Tensor<1>>,
    /// Mixes the heads.
    pub out_proj: Projection,
    heads: usize,
}

impl MultiHeadAttention {
    pub(crate) fn new(width: usize, heads: usize, layers: usize, init: &mut Init) -> Self {
        let std = (width as f32).powf(-0.5);
        let out_std = std * (2.0 * layers as f32).powf(-0.5);
        Self {
            in_proj_weight: init.normal([3 * width, width], std),
            in_proj_bias: init.constant([3 * width], 0.0),
            out_proj: Projection::new(width, width, out_std, init),
            heads,
        }
    }

    /// `residual` and what the attention makes of `x`: all `[batch·length, width]`. `causal`: a token sees only itself and those before
    /// it.
    pub fn forward_add(
        &self,
        x: Tensor<2>,
        batch: usize,
        causal: bool,
        residual: Tensor<2>,
    ) -> Tensor<2> {
        let shape = Attention {
            batch,
            heads: self.heads,
            causal,
        };
        let [_, width] = x.dims();
        let weight = self.in_proj_weight.val();
        let bias = self.in_proj_bias.val();
        let mixed = match weight.is_autodiff() {
            // Three products with slices of the weight: slicing the (larger) activations would cost three times as much in the
            // backward pass.
            true => {
                let parts = [0, 1, 2].map(|part| {
                    let range = part * width..(part + 1) * width;
                    let weight = weight.clone().slice_dim(0, range.clone());
                    let bias = bias.clone().slice_dim(0, range);
                    linear(x.clone(), weight, Some(bias), Nonlinearity::None)
                });
                plain::attention(parts, shape)
            }
            false => {
                let qkv = linear(x, weight, Some(bias), Nonlinearity::None);
                attention(qkv, shape)
            }
        };
        self.out_proj.forward_add(mixed, residual)
    }
}
