//! From a sentence to a picture: a [`Bundle`] of CLIP, mapper and StyleGAN2 generator, with [`Bundle::sample`],
//! [`Bundle::edit`] and [`Bundle::embed_text`].
//!
//! | module | what |
//! |---|---|
//! | [`bundle`] | the folder that holds everything, and its hash |
//! | [`sample`] | pictures of a sentence |
//! | [`edit`] | changing a picture by a sentence |
//! | [`embed`] | features of pictures and sentences |
//! | [`recipe`] | how a picture was made |
//! | [`png`] | PNG files that carry their recipe |
//! | [`device`] | the devices that this build and this machine have |
//! | [`pixels`] | pictures to tensors and back |

pub mod bundle;
pub mod device;
pub mod edit;
pub mod embed;
mod error;
pub mod pixels;
pub mod png;
pub mod recipe;
pub mod sample;
mod sentence;

pub use bundle::{Bundle, Manifest};
pub use clip2gan_mapper::EditForm;
pub use edit::{EditOptions, Edited};
pub use error::Error;
pub use recipe::Recipe;
pub use sample::{Note, SampleOptions, Sampled};

/// This crate's version, as recipes tell it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
