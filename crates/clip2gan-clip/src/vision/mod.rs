//! The image encoder: a vision transformer or CLIP's residual network.

mod attention_pool;
mod positions;
mod resnet;
mod transformer;

pub use attention_pool::AttentionPool;
pub use resnet::{BatchNormalization, Bottleneck, Convolution, Downsample, ResNet};
pub use transformer::VisionTransformer;

use burn::module::Module;
use burn::tensor::Tensor;

use self::positions::resampled;
use crate::layers::Init;
use crate::{ClipConfig, Layers};

/// Pictures to features. The variants' parameters have the same paths as if they stood here themselves.
#[derive(Module, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "a model has one of them, and moves it once"
)]
pub enum ImageEncoder {
    /// A vision transformer.
    Transformer(VisionTransformer),
    /// A residual network with attention pooling.
    ResNet(ResNet),
}

impl ImageEncoder {
    pub(crate) fn new(config: &ClipConfig, init: &mut Init) -> Self {
        let (vision, embed_dim) = (&config.vision, config.embed_dim);
        match vision.layers {
            Layers::Transformer(layers) => Self::Transformer(VisionTransformer::new(
                vision,
                layers,
                embed_dim,
                config.activation,
                init,
            )),
            Layers::ResNet(blocks) => Self::ResNet(ResNet::new(vision, blocks, embed_dim, init)),
        }
    }

    /// The same network for pictures of another grid of patches.
    pub(crate) fn with_grid(mut self, from: usize, to: usize) -> Self {
        let positions = match &mut self {
            Self::Transformer(network) => &mut network.positional_embedding,
            Self::ResNet(network) => &mut network.attnpool.positional_embedding,
        };
        *positions = resampled(positions.clone(), from, to);
        self
    }

    /// `[batch, 3, size, size]` normalised pixels → `[batch, embed_dim]`, not normalised.
    pub fn forward(&self, pixels: Tensor<4>) -> Tensor<2> {
        self.perceive(pixels).1
    }

    /// The feature, and what the layers before it saw: the tokens `[batch, 1 + patches, width]` after each block of a
    /// transformer, or the places `[batch, places, channels]` after each stage of a residual network.
    pub fn perceive(&self, pixels: Tensor<4>) -> (Vec<Tensor<3>>, Tensor<2>) {
        match self {
            Self::Transformer(network) => network.perceive(pixels),
            Self::ResNet(network) => network.perceive(pixels),
        }
    }
}
