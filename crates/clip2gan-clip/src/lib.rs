//! CLIP (Radford et al. 2021): a picture and a sentence in one embedding space.
//!
//! - [`ClipConfig`]: sizes as data, with presets;
//! - [`Clip`]: the two towers, [`Clip::load`] and [`Clip::save`];
//! - [`Tokenizer`]: sentences to ids, and which of their words are new;
//! - [`open_picture`], [`preprocess`]: picture files to pixels, as PIL; [`Clip::normalize_pixels`]: tensors to pixels,
//!   differentiably;
//! - [`train`]: contrastive training and retrieval.

mod clip;
mod config;
mod error;
pub mod layers;
mod pixels;
mod tokenizer;
pub mod train;
pub mod vision;
mod weights;

pub use clip::{Clip, normalize};
pub use config::{
    Activation, ClipConfig, Layers, OPENAI_MEAN, OPENAI_STD, TextConfig, VisionConfig,
};
pub use error::Error;
pub use pixels::{open_picture, preprocess, resize_and_crop, to_rgb};
pub use tokenizer::{Tokenizer, Tokens, token_batch};
pub use vision::{ImageEncoder, ResNet, VisionTransformer};
