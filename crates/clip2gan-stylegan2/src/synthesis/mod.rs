//! Synthesis network: `ws → image` (StyleGAN2, figures 2 and 7).

mod block;

pub use block::{BlockOutput, DualBlockOutput, SynthesisBlock};

use burn::module::Module;
use burn::tensor::Tensor;

use crate::GeneratorConfig;
use crate::init::Init;
use crate::tangent::Dual;

/// Where the noise of the synthesis layers comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoiseMode {
    /// No noise.
    None,
    /// The noise saved with the network: the same for every image.
    Const,
    /// Fresh noise per image, a pure function of the seed.
    Random {
        /// Seed of the noise.
        seed: u64,
    },
}

/// The synthesis network.
#[derive(Module, Debug)]
pub struct Synthesis {
    /// One block per resolution, from 4 up.
    pub blocks: Vec<SynthesisBlock>,
}

impl Synthesis {
    pub(crate) fn new(config: &GeneratorConfig, init: &mut Init) -> Self {
        let resolutions = config.block_resolutions();
        Self {
            blocks: resolutions
                .iter()
                .map(|&r| SynthesisBlock::new(config, r, init))
                .collect(),
        }
    }

    /// Number of latents: two per block.
    pub fn num_ws(&self) -> usize {
        2 * self.blocks.len()
    }

    /// `ws [n, num_ws, w_dim] → image [n, channels, r, r]`.
    ///
    /// # Panics
    /// If `ws` has another number of latents than [`num_ws`](Self::num_ws).
    pub fn forward(&self, ws: Tensor<3>, noise: NoiseMode) -> Tensor<4> {
        self.features(ws, noise)
            .pop()
            .and_then(|last| last.rgb)
            .expect("the last block draws")
    }

    /// What every block makes of `ws [n, num_ws, w_dim]`, from the smallest.
    ///
    /// # Panics
    /// If `ws` has another number of latents than [`num_ws`](Self::num_ws).
    pub fn features(&self, ws: Tensor<3>, noise: NoiseMode) -> Vec<BlockOutput> {
        assert_eq!(ws.dims()[1], self.num_ws(), "number of latents");
        let mut outputs: Vec<BlockOutput> = Vec::with_capacity(self.blocks.len());
        for (index, block) in self.blocks.iter().enumerate() {
            let output = block.forward(outputs.last(), &ws, first_latent(index), noise);
            outputs.push(output);
        }
        outputs
    }

    /// The image at `ws.value` and its derivative along `ws.tangent`, both `[n, channels, r, r]`.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn forward_dual(&self, ws: Dual<3>, noise: NoiseMode) -> Dual<4> {
        assert_eq!(ws.value.dims()[1], self.num_ws(), "number of latents");
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
