//! Synthesis network: `ws → image` (StyleGAN2, figures 2 and 7; or StyleGAN, figure 1b).

mod adain;
mod block;
mod modulated;

pub use adain::AdainSynthesis;
pub use block::{BlockOutput, DualBlockOutput, SynthesisBlock};
pub use modulated::ModulatedSynthesis;

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use clip2gan_kernels::on_workers;
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

/// The synthesis network. The variants' parameters have the same paths as if they stood here themselves.
#[derive(Module, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "a generator has one of them, and moves it once"
)]
pub enum Synthesis {
    /// StyleGAN2's.
    Modulated(ModulatedSynthesis),
    /// StyleGAN's.
    Adain(AdainSynthesis),
}

impl Synthesis {
    pub(crate) fn new(config: &GeneratorConfig, init: &mut Init) -> Self {
        match config.synthesis {
            SynthesisKind::StyleGan2 => Self::Modulated(ModulatedSynthesis::new(config, init)),
            SynthesisKind::StyleGan1 => Self::Adain(AdainSynthesis::new(config, init)),
        }
    }

    /// Number of latents: two per resolution.
    pub fn num_ws(&self) -> usize {
        match self {
            Self::Modulated(network) => 2 * network.blocks.len(),
            Self::Adain(network) => network.layers.len(),
        }
    }

    /// `ws [n, num_ws, w_dim] → image [n, channels, r, r]`.
    ///
    /// # Panics
    /// If `ws` has another number of latents than [`num_ws`](Self::num_ws).
    pub fn forward(&self, ws: Tensor<3>, noise: NoiseMode) -> Tensor<4> {
        assert_eq!(ws.dims()[1], self.num_ws(), "number of latents");
        on_workers(|| match self {
            Self::Modulated(network) => network.forward(ws, noise),
            Self::Adain(network) => network.forward(ws, noise),
        })
    }

    /// The image at `ws.value` and its derivative along `ws.tangent`, both `[n, channels, r, r]`.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn forward_dual(&self, ws: Dual<3>, noise: NoiseMode) -> Dual<4> {
        assert_eq!(ws.value.dims()[1], self.num_ws(), "number of latents");
        match self {
            Self::Modulated(network) => network.forward_dual(ws, noise),
            Self::Adain(network) => network.forward_dual(ws, noise),
        }
    }
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
