//! The synthesis network of StyleGAN2: blocks of modulated convolutions.

use burn::module::Module;
use burn::tensor::Tensor;

use super::{BlockOutput, DualBlockOutput, NoiseMode, SynthesisBlock};
use crate::GeneratorConfig;
use crate::init::Init;
use crate::tangent::Dual;

/// A block for each resolution.
#[derive(Module, Debug)]
pub struct ModulatedSynthesis {
    /// One block per resolution, from 4 up.
    pub blocks: Vec<SynthesisBlock>,
}

impl ModulatedSynthesis {
    pub(crate) fn new(config: &GeneratorConfig, init: &mut Init) -> Self {
        let resolutions = config.block_resolutions();
        Self {
            blocks: resolutions
                .iter()
                .map(|&r| SynthesisBlock::new(config, r, init))
                .collect(),
        }
    }

    /// `ws [n, num_ws, w_dim] → image [n, channels, r, r]`.
    pub fn forward(&self, ws: Tensor<3>, noise: NoiseMode) -> Tensor<4> {
        self.features(ws, noise)
            .pop()
            .and_then(|last| last.rgb)
            .expect("the last block draws")
    }

    /// What every block makes of `ws [n, num_ws, w_dim]`, from the smallest.
    pub fn features(&self, ws: Tensor<3>, noise: NoiseMode) -> Vec<BlockOutput> {
        let mut outputs: Vec<BlockOutput> = Vec::with_capacity(self.blocks.len());
        for (index, block) in self.blocks.iter().enumerate() {
            let output = block.forward(outputs.last(), &ws, first_latent(index), noise);
            outputs.push(output);
        }
        outputs
    }

    /// The image at `ws.value` and its derivative along `ws.tangent`.
    pub fn forward_dual(&self, ws: Dual<3>, noise: NoiseMode) -> Dual<4> {
        let mut output: Option<DualBlockOutput> = None;
        for (index, block) in self.blocks.iter().enumerate() {
            output = Some(block.forward_dual(output, &ws, first_latent(index), noise));
        }
        output
            .and_then(|last| last.rgb)
            .expect("the last block draws")
    }
}

/// Index of a block's first latent: its ToRGB shares its latent with the next block's first layer.
fn first_latent(block: usize) -> usize {
    (2 * block).saturating_sub(1)
}
