//! Discriminator: `image → logit` (StyleGAN2, figure 7c: residual).

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

use crate::DiscriminatorConfig;
use crate::init::Init;
use crate::layers::ConvLayer;
use crate::tangent::Dual;

/// The discriminator.
#[derive(Module, Debug)]
pub struct Discriminator {
    /// Label to the direction of projection, in conditional networks.
    pub mapping: Option<LabelMapping>,
    /// 1×1 convolution from colours to features.
    pub from_rgb: ConvLayer,
    /// Residual blocks, each halving the resolution, from the largest.
    pub blocks: Vec<DiscriminatorBlock>,
    /// From 4×4 features to the logit.
    pub epilogue: Epilogue,
}

impl Discriminator {
    pub(crate) fn new(config: &DiscriminatorConfig, init: &mut Init) -> Self {
        let channels = config.channels(config.resolution);
        Self {
            from_rgb: ConvLayer::new(config.img_channels, channels, 1, true, false, SQRT_2, init),
            blocks: config
                .block_resolutions()
                .into_iter()
                .map(|r| DiscriminatorBlock::new(config.channels(r), config.channels(r / 2), init))
                .collect(),
            epilogue: Epilogue::new(config, init),
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
        let x = self.from_rgb.forward(image);
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x));
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
        let x = self.from_rgb.forward_dual(image);
        let x = self.blocks.iter().fold(x, |x, block| block.forward_dual(x));
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
