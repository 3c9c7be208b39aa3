//! Synthesis network: `ws → image` (StyleGAN2, figures 2 and 7; or StyleGAN, figure 1b).

mod block;
mod style_gan1;

pub use block::{BlockOutput, DualBlockOutput, SynthesisBlock};
pub use style_gan1::StyleGan1Synthesis;

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use clip2gan_train::rng;

use crate::init::Init;
use crate::tangent::Dual;
use crate::{GeneratorConfig, SynthesisKind};

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
    /// One block per resolution, from 4 up; none in a network of StyleGAN's kind.
    pub blocks: Vec<SynthesisBlock>,
    /// The network of StyleGAN's kind, in place of the blocks.
    pub style_gan1: Option<StyleGan1Synthesis>,
}

impl Synthesis {
    pub(crate) fn new(config: &GeneratorConfig, init: &mut Init) -> Self {
        let blocks = |init: &mut Init| {
            let resolutions = config.block_resolutions().into_iter();
            resolutions
                .map(|r| SynthesisBlock::new(config, r, init))
                .collect()
        };
        match config.synthesis {
            SynthesisKind::StyleGan2 => Self {
                blocks: blocks(init),
                style_gan1: None,
            },
            SynthesisKind::StyleGan1 => Self {
                blocks: Vec::new(),
                style_gan1: Some(StyleGan1Synthesis::new(config, init)),
            },
        }
    }

    /// Number of latents: two per resolution.
    pub fn num_ws(&self) -> usize {
        match &self.style_gan1 {
            Some(network) => network.layers.len(),
            None => 2 * self.blocks.len(),
        }
    }

    /// `ws [n, num_ws, w_dim] → image [n, channels, r, r]`.
    ///
    /// # Panics
    /// If `ws` has another number of latents than [`num_ws`](Self::num_ws).
    pub fn forward(&self, ws: Tensor<3>, noise: NoiseMode) -> Tensor<4> {
        if let Some(network) = &self.style_gan1 {
            assert_eq!(ws.dims()[1], self.num_ws(), "number of latents");
            return network.forward(ws, noise);
        }
        self.features(ws, noise)
            .pop()
            .and_then(|last| last.rgb)
            .expect("the last block draws")
    }

    /// What every block makes of `ws [n, num_ws, w_dim]`, from the smallest; nothing in a network of StyleGAN's kind.
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
        if let Some(network) = &self.style_gan1 {
            return network.forward_dual(ws, noise);
        }
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

/// The learnt input, once per image.
fn spread(constant: &Param<Tensor<3>>, ws: &Tensor<3>) -> Tensor<4> {
    let batch = ws.dims()[0];
    constant.val().unsqueeze::<4>().repeat_dim(0, batch)
}

fn latent(ws: &Tensor<3>, index: usize) -> Tensor<2> {
    ws.clone().narrow(1, index, 1).squeeze_dim(1)
}

/// The noise of the layer that takes latent `index`, whose constant noise is `constant`.
fn layer_noise(
    constant: &Param<Tensor<2>>,
    noise: NoiseMode,
    index: usize,
    ws: &Tensor<3>,
) -> Option<Tensor<4>> {
    match noise {
        NoiseMode::None => None,
        NoiseMode::Const => Some(constant.val().unsqueeze()),
        NoiseMode::Random { seed } => {
            let [height, width] = constant.dims();
            let mut rng = rng::stream(seed, "synthesis noise", index as u64);
            let device = ws.device().without_autodiff();
            let shape = [ws.dims()[0], 1, height, width];
            Some(rng::randn(shape, &mut rng, &device))
        }
    }
}
