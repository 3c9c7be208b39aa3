//! The bridge from CLIP features to StyleGAN2 latents, after *CLIP2GAN* (Wang et al., arXiv 2211.15045).
//!
//! | module | what |
//! |---|---|
//! | [`config`] | the mapper's sizes, as data |
//! | [`mapper`] | the mapping network M: feature and noise in, latents out |
//! | [`bridge`] | centring and noise against CLIP's modality gap |
//! | [`memory`] | the nearest pictures' features in a sentence's place |
//! | [`losses`] | squared L2, CLIP cosine, latent and diversity terms |
//! | [`perceptual`] | a perceptual distance from the layers of CLIP's vision tower |
//! | [`train`] | self-supervised training |
//! | [`sample`] | from a feature and a seed to latents, at use |
//! | [`edit`] | edits as sums and differences of mapped features |
//! | [`files`] | a mapper's folder |

pub mod bridge;
pub mod config;
pub mod edit;
mod error;
pub mod files;
pub mod losses;
pub mod mapper;
pub mod memory;
pub mod perceptual;
pub mod sample;
pub mod train;

pub use bridge::{Bridge, MeanFeature, Modality};
pub use config::{Head, MapperConfig};
pub use edit::EditForm;
pub use error::Error;
pub use mapper::Mapper;
pub use memory::Memory;
