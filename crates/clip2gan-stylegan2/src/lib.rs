//! StyleGAN2: mapping network, synthesis network, discriminator, losses and the trainer.
//!
//! References: *Analyzing and Improving the Image Quality of StyleGAN* (Karras et al. 2020) and the reference
//! implementation `networks_stylegan2.py`. Images are `[batch, channels, height, width]` in about −1..1.
//!
//! | module | what |
//! |---|---|
//! | [`augment`] | what the discriminator sees of small data sets |
//! | [`config`] | sizes of both networks, as data |
//! | [`layers`] | fully connected, modulated convolution, synthesis layer, ToRGB, discriminator convolution |
//! | [`mapping`] | `z → w` |
//! | [`synthesis`] | `ws → image` |
//! | [`generator`] | both of them, with loading, saving and truncation |
//! | [`discriminator`] | `image → logit` |
//! | [`tangent`] | forward-mode pairs, the way to exact R1 and path lengths with first-order autodiff |
//! | [`loss`] | non-saturating logistic loss, R1, path lengths |
//! | [`seeds`] | the reference's latents of a seed |
//! | [`train`] | the trainer |
//! | [`weights`] | key tables between our field paths and other implementations |

mod architecture;
mod error;
mod init;

pub mod augment;
pub mod config;
pub mod discriminator;
pub mod generator;
pub mod layers;
pub mod loss;
pub mod mapping;
pub mod seeds;
pub mod synthesis;
pub mod tangent;
pub mod train;
pub mod weights;

pub use architecture::{Architecture, SynthesisKind};
pub use config::{DiscriminatorConfig, GeneratorConfig};
pub use discriminator::Discriminator;
pub use error::{Error, Result};
pub use generator::Generator;
pub use mapping::Mapping;
pub use synthesis::{NoiseMode, Synthesis};
