//! Discriminator: `image → logit` (StyleGAN2, figure 7).

mod block;
mod epilogue;
mod label_mapping;
mod minibatch_stddev;

pub use block::DiscriminatorBlock;
pub use epilogue::Epilogue;
pub use label_mapping::LabelMapping;
pub use minibatch_stddev::MinibatchStddev;

use std::f32::consts::SQRT_2;

use burn::module::Module;
use burn::tensor::Tensor;

use crate::init::Init;
use crate::layers::{ConvLayer, downsample};
use crate::tangent::Dual;
use crate::{Architecture, DiscriminatorConfig};

/// The discriminator.
#[derive(Module, Debug)]
pub struct Discriminator {
    /// Label to the direction of projection, in conditional networks.
    pub mapping: Option<LabelMapping>,
    /// 1×1 convolution from colours to features.
    pub from_rgb: ConvLayer,
    /// With input skips: from colours to features at each halved resolution, falling.
    pub from_rgbs: Vec<ConvLayer>,
    /// Blocks, each halving the resolution, from the largest.
    pub blocks: Vec<DiscriminatorBlock>,
    /// From 4×4 features to the logit.
    pub epilogue: Epilogue,
}

impl Discriminator {
    pub(crate) fn new(config: &DiscriminatorConfig, init: &mut Init) -> Self {
        let from_rgb = |resolution, init: &mut Init| {
            let channels = config.channels(resolution);
            ConvLayer::new(config.img_channels, channels, 1, true, false, SQRT_2, init)
        };
        let resolutions = config.block_resolutions();
        Self {
            from_rgb: from_rgb(config.resolution, init).clamped(config.conv_clamp),
            blocks: resolutions
                .iter()
                .map(|&r| DiscriminatorBlock::new(config, r, init))
                .collect(),
            epilogue: Epilogue::new(config, init),
            from_rgbs: resolutions
                .iter()
                .filter(|_| config.architecture == Architecture::Skip)
                .map(|&r| {
                    // As in the reference, the one before the epilogue is not limited.
                    let clamp = config.conv_clamp.filter(|_| r > 8);
                    from_rgb(r / 2, init).clamped(clamp)
                })
                .collect(),
            mapping: (config.c_dim > 0).then(|| LabelMapping::new(config, init)),
        }
    }

    /// `image [n, channels, r, r] → logits [n, 1]`.
    ///
    /// # Panics
    /// If the network is conditional: see [`forward_labelled`](Self::forward_labelled).
    pub fn forward(&self, image: Tensor<4>) -> Tensor<2> {
        self.logits(image, None)
    }

    /// `image [n, channels, r, r]` and `labels [n, c_dim]` (one-hot) `→ logits [n, 1]`. An unconditional network takes
    /// no notice of labels.
    pub fn forward_labelled(&self, image: Tensor<4>, labels: Tensor<2>) -> Tensor<2> {
        self.logits(image, Some(labels))
    }

    pub(crate) fn logits(&self, image: Tensor<4>, labels: Option<Tensor<2>>) -> Tensor<2> {
        let mut image = image;
        let mut x = self.from_rgb.forward(image.clone());
        for (index, block) in self.blocks.iter().enumerate() {
            x = block.forward(x);
            if let Some(from_rgb) = self.from_rgbs.get(index) {
                image = downsample(image);
                x = x + from_rgb.forward(image.clone());
            }
        }
        let x = self.epilogue.forward(x);
        match self.direction(labels) {
            Some(direction) => project(x, direction),
            None => x,
        }
    }

    /// Logits at `image.value` and their derivative along `image.tangent`.
    ///
    /// # Panics
    /// If the network is conditional and there are no labels.
    pub fn forward_dual(&self, image: Dual<4>, labels: Option<Tensor<2>>) -> Dual<2> {
        let mut image = image;
        let mut x = self.from_rgb.forward_dual(image.clone());
        for (index, block) in self.blocks.iter().enumerate() {
            x = block.forward_dual(x);
            if let Some(from_rgb) = self.from_rgbs.get(index) {
                image = image.map(downsample);
                x = x + from_rgb.forward_dual(image.clone());
            }
        }
        let x = self.epilogue.forward_dual(x);
        match self.direction(labels) {
            Some(direction) => x.map(|x| project(x, direction.clone())),
            None => x,
        }
    }

    fn direction(&self, labels: Option<Tensor<2>>) -> Option<Tensor<2>> {
        let mapping = self.mapping.as_ref()?;
        let labels = labels.expect("a conditional network takes labels besides images");
        Some(mapping.forward(labels))
    }
}

/// `x · direction / √c` per image: two `[n, c]` → `[n, 1]`.
fn project(x: Tensor<2>, direction: Tensor<2>) -> Tensor<2> {
    let channels = x.dims()[1];
    (x * direction).sum_dim(1) / (channels as f32).sqrt()
}
