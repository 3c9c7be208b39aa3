//! Pictures and captions: image folders, and avatars drawn from a seed.
//!
//! - [`Dataset`] and [`Sample`]: what a dataset gives
//! - `AvatarDataset` (feature `avatars`): people drawn from a seed, with labels and captions
//! - [`avatar_text`], [`caption`], [`caption_words`]: the avatars' labels and words without drawing
//! - [`ImageFolder`], [`write_folder`]: pictures on disk
//! - [`ClassLabels`]: classes of a folder's pictures
//! - [`sample_batch`], [`Sampler`], [`Batches`]: batches, drawn in parallel and ahead of their use

mod avatar;
mod batch;
mod chance;
mod class_labels;
mod dataset;
mod error;
mod folder;

pub use avatar::{
    AvatarConfig, Split, View, avatar_labels, avatar_text, caption, caption_words, label_values,
    split_of, words,
};
#[cfg(feature = "avatars")]
pub use avatar::{AvatarDataset, attribution};
pub use batch::{Batch, Batches, Sampler, sample_batch, to_nchw};
pub use class_labels::ClassLabels;
pub use dataset::{Dataset, Labels, Sample};
pub use error::Error;
pub use folder::{ImageFolder, picture_files, write_folder};

/// The example of the README.
#[cfg(all(doctest, feature = "avatars"))]
#[doc = include_str!("../README.md")]
mod readme {}
