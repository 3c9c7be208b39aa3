//! Pictures to normalised pixels: shorter side to the model's size, centre crop, channel means and deviations.
//!
//! - `picture`: files to 8-bit RGB, as PIL decodes and converts;
//! - `filter`: PIL's antialiased bicubic filter;
//! - `resample`: pictures, bit for bit as PIL does it;
//! - `tensor`: pictures that are tensors already, differentiably.

mod filter;
mod picture;
mod resample;
mod tensor;

pub(crate) use filter::axis;
pub use picture::{open_picture, to_rgb};
pub use resample::resize_and_crop;

use burn::tensor::{Device, Tensor, TensorData};
use image::DynamicImage;

use crate::Clip;

impl Clip {
    /// A picture → `[1, 3, image_size, image_size]` as the image encoder wants it; see [`preprocess`].
    pub fn preprocess(&self, image: &DynamicImage, device: &Device) -> Tensor<4> {
        self.normalize_pixels(preprocess(image, self.config().vision.image_size, device))
    }
}

/// A picture → `[1, 3, size, size]` in −1..1: [`to_rgb`], then [`resize_and_crop`].
///
/// # Panics
/// If the picture or `size` is empty.
pub fn preprocess(image: &DynamicImage, size: usize, device: &Device) -> Tensor<4> {
    let crop = resize_and_crop(&to_rgb(image), size);
    let value = |byte: u8| f32::from(byte) / 127.5 - 1.0;
    let values: Vec<f32> = (0..3)
        .flat_map(|channel| crop.pixels().map(move |pixel| value(pixel[channel])))
        .collect();
    Tensor::from_data(TensorData::new(values, [1, 3, size, size]), device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ClipConfig;
    use image::{Rgb, RgbImage};

    fn picture(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            Rgb([
                (x * 37 % 256) as u8,
                (y * 53 % 256) as u8,
                ((x + 2 * y) * 29 % 256) as u8,
            ])
        })
    }

    #[test]
    fn tensors_and_pictures_are_resampled_alike() {
        let device = Device::flex();
        let clip = ClipConfig::avatars().init(&device);
        for [width, height] in [[64, 64], [100, 130], [31, 20], [1, 1], [300, 7]] {
            let picture = picture(width, height);
            let raw: Vec<f32> = (0..3)
                .flat_map(|c| picture.pixels().map(move |p| f32::from(p[c]) / 127.5 - 1.0))
                .collect();
            let shape = [1, 3, height as usize, width as usize];
            let tensor = Tensor::<4>::from_data(TensorData::new(raw, shape), &device);
            let a = clip.normalize_pixels(tensor);
            let b = clip.preprocess(&picture.into(), &device);
            assert_eq!(a.dims(), [1, 3, 64, 64]);
            let difference: f32 = (a - b).abs().max().into_scalar();
            // The picture is rounded to 8 bits twice on its way: at most 1.2 levels.
            assert!(
                difference < 1.2 / 127.5 / 0.26,
                "{width}×{height}: {difference}"
            );
        }
    }

    #[test]
    fn the_middle_is_kept() {
        let device = Device::flex();
        let mut wide = RgbImage::new(192, 64);
        for (x, _, pixel) in wide.enumerate_pixels_mut() {
            pixel.0 = if (64..128).contains(&x) {
                [255; 3]
            } else {
                [0; 3]
            };
        }
        let pixels = preprocess(&wide.into(), 64, &device);
        let least: f32 = pixels.min().into_scalar();
        assert_eq!(least, 1.0);
    }

    #[test]
    fn normalisation_is_openais() {
        let device = Device::flex();
        let clip = ClipConfig::avatars().init(&device);
        let white = clip.normalize_pixels(Tensor::ones([1, 3, 64, 64], &device));
        let red: f32 = white.slice([0..1, 0..1, 0..1, 0..1]).into_scalar();
        assert!((red - (1.0 - 0.48145466) / 0.26862954).abs() < 1e-5);
    }
}
