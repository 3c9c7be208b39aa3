//! Multi-head self-attention (Vaswani et al. 2017, section 3.2).

use burn::module::{Module, Param};
use burn::tensor::{Tensor, activation::softmax};
use clip2gan_kernels::{Nonlinearity, linear};

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

    /// `x`: `[batch·length, width]`, and so is the result. `mask`: `[1, 1, length, length]`, added to the scores.
    pub fn forward(&self, x: Tensor<2>, batch: usize, mask: Option<Tensor<4>>) -> Tensor<2> {
        let [rows, width] = x.dims();
        let [length, head_width] = [rows / batch, width / self.heads];
        let weight = self.in_proj_weight.val();
        let bias = self.in_proj_bias.val();
        let heads = |x: Tensor<2>| {
            let x = x.reshape([batch, length, self.heads, head_width]);
            x.swap_dims(1, 2)
        };
        // The heads stay strided views; the batched product reads them in place.
        let [query, key, value] = match weight.is_autodiff() {
            // Three products with slices of the weight: slicing the (larger) activations would cost three times as much in the
            // backward pass.
            true => [0, 1, 2].map(|part| {
                let range = part * width..(part + 1) * width;
                let weight = weight.clone().slice_dim(0, range.clone());
                let bias = bias.clone().slice_dim(0, range);
                heads(linear(x.clone(), weight, Some(bias), Nonlinearity::None))
            }),
            false => {
                let all = linear(x, weight, Some(bias), Nonlinearity::None);
                [0, 1, 2].map(|part| heads(all.clone().narrow(1, part * width, width)))
            }
        };
        let scale = (head_width as f64).powf(-0.5);
        let mut scores = query.matmul(key.transpose()).mul_scalar(scale);
        if let Some(mask) = mask {
            scores = scores + mask;
        }
        let heads = softmax(scores, 3).matmul(value);
        self.out_proj
            .forward(heads.swap_dims(1, 2).reshape([rows, width]))
    }
}
