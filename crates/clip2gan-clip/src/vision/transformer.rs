//! A vision transformer (Dosovitskiy et al. 2021) as CLIP varies it, with a layer normalisation
//! before the first block and a bias-free patch convolution.

use burn::module::{Module, Param};
use burn::tensor::{Int, Tensor};

use crate::layers::{Init, LayerNormalization, PatchEmbedding, Transformer};
use crate::{Activation, VisionConfig};

/// Pictures to features.
#[derive(Module, Debug)]
pub struct VisionTransformer {
    /// The patch convolution.
    pub conv1: PatchEmbedding,
    /// The token that gathers the picture: `[width]`.
    pub class_embedding: Param<Tensor<1>>,
    /// `[1 + patches, width]`, the class token first.
    pub positional_embedding: Param<Tensor<2>>,
    /// After the positions are added.
    pub ln_pre: LayerNormalization,
    /// The blocks.
    pub transformer: Transformer,
    /// On the class token, after the last block.
    pub ln_post: LayerNormalization,
    /// `[width, embed_dim]`.
    pub proj: Param<Tensor<2>>,
}

impl VisionTransformer {
    pub(crate) fn new(
        config: &VisionConfig,
        layers: usize,
        embed_dim: usize,
        activation: Activation,
        init: &mut Init,
    ) -> Self {
        let width = config.width;
        let std = (width as f32).powf(-0.5);
        let grid = config.image_size / config.patch_size;
        Self {
            conv1: PatchEmbedding::new(config.patch_size, width, init),
            class_embedding: init.normal([width], std),
            positional_embedding: init.normal([1 + grid * grid, width], std),
            ln_pre: LayerNormalization::new(width, init),
            transformer: Transformer::new([width, config.heads, layers], activation, init),
            ln_post: LayerNormalization::new(width, init),
            proj: init.normal([width, embed_dim], std),
        }
    }

    /// See [`ImageEncoder::perceive`](super::ImageEncoder::perceive).
    pub fn perceive(&self, pixels: Tensor<4>) -> (Vec<Tensor<3>>, Tensor<2>) {
        let mut states = self.hidden_states(pixels);
        // What goes into the first block is no layer's work.
        let input = states.remove(0);
        let feature = self.feature(states.last().unwrap_or(&input).clone());
        (states, feature)
    }

    /// From what the last block gave.
    fn feature(&self, last: Tensor<3>) -> Tensor<2> {
        let [batch, _, width] = last.dims();
        let class = last.narrow(1, 0, 1).reshape([batch, width]);
        self.ln_post.forward(class).matmul(self.proj.val())
    }

    /// The feature `[batch, embed_dim]` of pictures of which only the patches `kept [batch, patches]` are seen, by their numbers, row
    /// by row (patch dropout, in training).
    pub fn forward_kept(&self, pixels: Tensor<4>, kept: Tensor<2, Int>) -> Tensor<2> {
        let tokens = self.embed(pixels);
        let [batch, length, width] = tokens.dims();
        let [_, seen] = kept.dims();
        let device = kept.device();
        // The class token is always seen; its number is 0.
        let class = Tensor::<2, Int>::zeros([batch, 1], &device);
        let starts = Tensor::<1, Int>::arange(0..batch as i64, &device) * length as i64;
        let rows = Tensor::cat(vec![class, kept + 1], 1) + starts.reshape([batch, 1]);
        let tokens = tokens
            .reshape([batch * length, width])
            .select(0, rows.reshape([batch * (1 + seen)]))
            .reshape([batch, 1 + seen, width]);
        let states = self.transformer.hidden_states(tokens.clone(), false);
        self.feature(states.last().unwrap_or(&tokens).clone())
    }

    /// What goes into the first block, and what comes out of each, all `[batch, 1 + patches, width]`.
    pub fn hidden_states(&self, pixels: Tensor<4>) -> Vec<Tensor<3>> {
        self.transformer.hidden_states(self.embed(pixels), false)
    }

    /// Patches and class token at their positions.
    fn embed(&self, pixels: Tensor<4>) -> Tensor<3> {
        let patches = self.conv1.forward(pixels);
        let [batch, _, width] = patches.dims();
        let class = self
            .class_embedding
            .val()
            .reshape([1, 1, width])
            .expand([batch, 1, width]);
        let tokens = Tensor::cat(vec![class, patches], 1);
        let tokens = tokens + self.positional_embedding.val().unsqueeze();
        self.ln_pre.forward(tokens)
    }
}
