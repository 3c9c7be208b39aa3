//! Features of sentences and pictures in CLIP's joint space.

use burn::tensor::Tensor;
use clip2gan_clip::normalize;
use image::{DynamicImage, RgbImage};

use crate::bundle::Bundle;
use crate::{Error, Note};

impl Bundle {
    /// A sentence's feature, of length 1, and what to know about the sentence.
    ///
    /// # Errors
    /// [`Error::Option`] for a sentence without words.
    pub fn embed_text(&self, text: &str) -> Result<(Vec<f32>, Vec<Note>), Error> {
        let (feature, notes) = self.sentence("text", text)?;
        Ok((values(feature), notes))
    }

    /// A picture's feature, of length 1.
    pub fn embed_image(&self, image: &RgbImage) -> Vec<f32> {
        let image = DynamicImage::ImageRgb8(image.clone());
        let pixels = self.clip.preprocess(&image, &self.device());
        values(self.clip.encode_image(pixels))
    }
}

fn values(feature: Tensor<2>) -> Vec<f32> {
    normalize(feature).into_data().iter::<f32>().collect()
}
