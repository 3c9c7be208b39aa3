//! Pictures to tensors in −1..1 and back.

use burn::tensor::{Device, Tensor};
use clip2gan_clip::preprocess;
pub use clip2gan_train::grid::to_images;
use image::{DynamicImage, RgbImage};

/// A picture → `[1, 3, size, size]` in −1..1; shorter side resampled to `size`, centre cropped.
pub fn to_tensor(image: &RgbImage, size: usize, device: &Device) -> Tensor<4> {
    preprocess(&DynamicImage::ImageRgb8(image.clone()), size, device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_the_way_there_and_back() {
        let image = RgbImage::from_fn(16, 16, |x, y| {
            image::Rgb([(x * 17) as u8, (y * 17) as u8, (255 - x * y) as u8])
        });
        let back = to_images(to_tensor(&image, 16, &Device::flex()));
        assert_eq!(back, [image]);
    }
}
