//! What a dataset is, and the labels of a picture.

use std::collections::BTreeMap;

use image::RgbImage;

use crate::Error;

/// What is known of a picture: for an avatar, each variant and each colour
/// drawn, by its name.
pub type Labels = BTreeMap<String, String>;

/// A picture with what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Square, as wide and high as the dataset's resolution.
    pub image: RgbImage,
    /// A description in English, if there is one.
    pub caption: Option<String>,
    /// Empty if nothing is known.
    pub labels: Labels,
}

/// Pictures of one size that can be had by index, from several threads.
pub trait Dataset: Sync {
    /// The number of pictures.
    fn len(&self) -> usize;

    /// True if there is no picture.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Width and height of every picture, in pixels.
    fn resolution(&self) -> u32;

    /// The picture at `index`, the same on every call.
    ///
    /// # Errors
    /// [`Error::Index`] if there is none at `index`, and whatever may happen
    /// when it is read or drawn.
    fn get(&self, index: usize) -> Result<Sample, Error>;
}
