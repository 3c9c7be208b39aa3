//! Pre-norm transformer blocks, the same in both towers.

use burn::module::Module;
use burn::tensor::Tensor;
use clip2gan_kernels::Nonlinearity;

use super::{Init, LayerNormalization, MultiHeadAttention, Projection};
use crate::Activation;

/// The feed-forward half of a block: four times as wide inside.
#[derive(Module, Debug)]
pub struct Mlp {
    /// `width` → `4·width`.
    pub c_fc: Projection,
    /// `4·width` → `width`.
    pub c_proj: Projection,
    #[module(skip)]
    activation: Activation,
}

impl Mlp {
    fn new(width: usize, layers: usize, activation: Activation, init: &mut Init) -> Self {
        let fc_std = (2.0 * width as f32).powf(-0.5);
        let proj_std = (width as f32).powf(-0.5) * (2.0 * layers as f32).powf(-0.5);
        Self {
            c_fc: Projection::new(width, 4 * width, fc_std, init),
            c_proj: Projection::new(4 * width, width, proj_std, init),
            activation,
        }
    }

    /// `residual` and what the two layers make of `x`: all `[rows, width]`.
    pub fn forward_add(&self, x: Tensor<2>, residual: Tensor<2>) -> Tensor<2> {
        let nonlinearity = match self.activation {
            Activation::QuickGelu => Nonlinearity::QuickGelu,
            Activation::Gelu => Nonlinearity::Gelu,
        };
        let inner = self.c_fc.forward_then(x, nonlinearity);
        self.c_proj.forward_add(inner, residual)
    }
}

/// `x + attention(norm(x))`, then `x + mlp(norm(x))`.
#[derive(Module, Debug)]
pub struct ResidualAttentionBlock {
    /// Before the attention.
    pub ln_1: LayerNormalization,
    /// Self-attention.
    pub attn: MultiHeadAttention,
    /// Before the feed-forward half.
    pub ln_2: LayerNormalization,
    /// The feed-forward half.
    pub mlp: Mlp,
}

impl ResidualAttentionBlock {
    /// `[batch·length, width]`, and so is the result; `causal`: a token sees only itself and those before it.
    pub fn forward(&self, x: Tensor<2>, batch: usize, causal: bool) -> Tensor<2> {
        let normed = self.ln_1.forward(x.clone());
        let x = self.attn.forward_add(normed, batch, causal, x);
        let normed = self.ln_2.forward(x.clone());
        self.mlp.forward_add(normed, x)
    }
}

/// A stack of blocks.
#[derive(Module, Debug)]
pub struct Transformer {
    /// From the input to the output.
    pub resblocks: Vec<ResidualAttentionBlock>,
}

impl Transformer {
    pub(crate) fn new(
        [width, heads, layers]: [usize; 3],
        activation: Activation,
        init: &mut Init,
    ) -> Self {
        let block = |_| ResidualAttentionBlock {
            ln_1: LayerNormalization::new(width, init),
            attn: MultiHeadAttention::new(width, heads, layers, init),
            ln_2: LayerNormalization::new(width, init),
            mlp: Mlp::new(width, layers, activation, init),
        };
        Self {
            resblocks: (0..layers).map(block).collect(),
        }
    }

    /// `[batch, length, width]`, and so is the result; `causal`: a token sees only itself and those before it.
    pub fn forward(&self, x: Tensor<3>, causal: bool) -> Tensor<3> {
        let shape = x.dims();
        let blocks = self.resblocks.iter();
        let out = blocks.fold(rows(x), |x, block| block.forward(x, shape[0], causal));
        out.reshape(shape)
    }

    /// What goes in, and what comes out of each block, all of one shape.
    pub fn hidden_states(&self, x: Tensor<3>, causal: bool) -> Vec<Tensor<3>> {
        let shape = x.dims();
        let mut states = vec![x.clone()];
        let mut x = rows(x);
        for block in &self.resblocks {
            x = block.forward(x, shape[0], causal);
            states.push(x.clone().reshape(shape));
        }
        states
    }
}

/// Tokens as rows: every product between here and the end is then one large matrix product.
fn rows(x: Tensor<3>) -> Tensor<2> {
    let [batch, length, width] = x.dims();
    x.reshape([batch * length, width])
}
