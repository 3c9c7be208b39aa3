//! Discriminator: `image → logit` (StyleGAN2, figure 7c: residual).

mod block;
mod epilogue;
mod minibatch_stddev;

pub use block::DiscriminatorBlock;
pub use epilogue::Epilogue;
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
        }
    }

    /// `image [n, channels, r, r] → logits [n, 1]`.
    pub fn forward(&self, image: Tensor<4>) -> Tensor<2> {
        let x = self.from_rgb.forward(image);
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x));
        self.epilogue.forward(x)
    }

    /// Logits at `image.value` and their derivative along `image.tangent`.
    pub fn forward_dual(&self, image: Dual<4>) -> Dual<2> {
        let x = self.from_rgb.forward_dual(image);
        let x = self.blocks.iter().fold(x, |x, block| block.forward_dual(x));
        self.epilogue.forward_dual(x)
    }
}
