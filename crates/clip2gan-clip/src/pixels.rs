//! Pictures to normalised pixels: shorter side to the model's size, centre crop, channel means and deviations.
//!
//! The resampling filter is PIL's antialiased bicubic (a = −½, widened by the scale when shrinking), as one small matrix
//! for each axis. For pictures that come as tensors the two matrix products are differentiable, so that the model can
//! stand in a loss.

use burn::tensor::{Device, Tensor, TensorData};
use image::DynamicImage;

use crate::{Clip, ClipConfig};

impl Clip {
    /// Pixels in −1..1, `[batch, 3, height, width]` → `[batch, 3, image_size, image_size]` as the image encoder wants
    /// them. Differentiable. Other sizes are resampled and cropped.
    pub fn normalize_pixels(&self, pixels: Tensor<4>) -> Tensor<4> {
        let size = self.config().vision.image_size;
        let [_, _, height, width] = pixels.dims();
        let device = pixels.device();
        let mut pixels = pixels;
        if [height, width] != [size, size] {
            let [down, across] = filters(height, width, size);
            let down = dense(&down, height, &device).unsqueeze::<4>();
            let across = dense(&across, width, &device).transpose().unsqueeze::<4>();
            pixels = down.matmul(pixels).matmul(across).clamp(-1.0, 1.0);
        }
        // (x + 1)/2 is in 0..1, where the means and deviations are given.
        let ClipConfig { mean, std, .. } = self.config();
        let gain: Vec<f32> = std.iter().map(|s| 0.5 / s).collect();
        let shift: Vec<f32> = mean.iter().zip(std).map(|(m, s)| (0.5 - m) / s).collect();
        let channel =
            |values| Tensor::<4>::from_data(TensorData::new(values, [1, 3, 1, 1]), &device);
        pixels * channel(gain) + channel(shift)
    }

    /// A picture → `[1, 3, image_size, image_size]` as the image encoder wants it. Transparency is ignored.
    pub fn preprocess(&self, image: &DynamicImage, device: &Device) -> Tensor<4> {
        self.normalize_pixels(preprocess(image, self.config().vision.image_size, device))
    }
}

/// A picture → `[1, 3, size, size]` in −1..1: shorter side resampled to `size`, centre cropped. Transparency is ignored.
pub fn preprocess(image: &DynamicImage, size: usize, device: &Device) -> Tensor<4> {
    let rgb = image.to_rgb8();
    let [width, height] = [rgb.width() as usize, rgb.height() as usize];
    let [down, across] = filters(height, width, size);
    let mut values = vec![0.0f32; 3 * size * size];
    // Rows first: only the rows that the crop needs are ever narrowed.
    let first = down.iter().map(|f| f.start).min().unwrap_or(0);
    let last = down
        .iter()
        .map(|f| f.start + f.weights.len())
        .max()
        .unwrap_or(0);
    let raw = rgb.as_raw();
    let mut narrow = vec![0.0f32; (last - first) * size * 3];
    for (row, y) in narrow.chunks_exact_mut(size * 3).zip(first..) {
        for (pixel, filter) in row.chunks_exact_mut(3).zip(&across) {
            for (weight, x) in filter.weights.iter().zip(filter.start..) {
                for (channel, value) in pixel.iter_mut().enumerate() {
                    *value += weight * f32::from(raw[(y * width + x) * 3 + channel]);
                }
            }
        }
    }
    for (y, filter) in down.iter().enumerate() {
        for (weight, from) in filter.weights.iter().zip(filter.start - first..) {
            let row = &narrow[from * size * 3..][..size * 3];
            for (i, value) in row.iter().enumerate() {
                values[(i % 3) * size * size + y * size + i / 3] += weight * value;
            }
        }
    }
    for value in &mut values {
        *value = value.clamp(0.0, 255.0) / 127.5 - 1.0;
    }
    Tensor::from_data(TensorData::new(values, [1, 3, size, size]), device)
}

/// One output pixel as a weighted sum of neighbouring input pixels.
struct Filter {
    start: usize,
    weights: Vec<f32>,
}

/// Filters of the rows and of the columns of the cropped picture.
fn filters(height: usize, width: usize, size: usize) -> [Vec<Filter>; 2] {
    let shorter = height.min(width);
    [height, width].map(|length| {
        // torchvision truncates the longer side and rounds the crop's offset.
        let resized = (size * length / shorter).max(size);
        let offset = ((resized - size) as f64 / 2.0).round_ties_even() as usize;
        let scale = length as f64 / resized as f64;
        (offset..offset + size)
            .map(|i| bicubic(i, scale, length))
            .collect()
    })
}

/// PIL's filter for output pixel `i` of an axis that has `length` pixels and shrinks by `scale`.
fn bicubic(i: usize, scale: f64, length: usize) -> Filter {
    let widening = scale.max(1.0);
    let support = 2.0 * widening;
    let centre = (i as f64 + 0.5) * scale;
    let start = ((centre - support + 0.5).max(0.0) as usize).min(length - 1);
    let end = ((centre + support + 0.5) as usize).clamp(start + 1, length);
    let weights: Vec<f64> = (start..end)
        .map(|x| cubic((x as f64 - centre + 0.5) / widening))
        .collect();
    let sum: f64 = weights.iter().sum();
    Filter {
        start,
        weights: weights.iter().map(|w| (w / sum) as f32).collect(),
    }
}

/// Keys' cubic convolution kernel with a = −½.
fn cubic(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        (1.5 * x - 2.5) * x * x + 1.0
    } else if x < 2.0 {
        ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    } else {
        0.0
    }
}

/// `[filters, length]`.
fn dense(filters: &[Filter], length: usize, device: &Device) -> Tensor<2> {
    let mut values = vec![0.0f32; filters.len() * length];
    for (row, filter) in values.chunks_exact_mut(length).zip(filters) {
        row[filter.start..][..filter.weights.len()].copy_from_slice(&filter.weights);
    }
    Tensor::from_data(TensorData::new(values, [filters.len(), length]), device)
}

#[cfg(test)]
mod tests {
    use super::*;
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
            assert!(difference < 1e-4, "{width}×{height}: {difference}");
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
