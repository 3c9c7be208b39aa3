//! Between tensors and pictures.
//!
//! A batch is `[n, 3, height, width]` in `-1..1`; a picture has eight bits per channel. 0 becomes -1, 255 becomes 1.

use std::io::Cursor;
use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use clip2gan_weights::write_atomic;
use image::{ImageFormat, RgbImage};

use crate::params::{as_floats, floats};
use crate::{Error, Result};

/// The pictures of a batch `[n, 3, height, width]`; values outside `-1..1` are cut off, NaN becomes black.
///
/// # Panics
/// If there are not three channels.
pub fn to_images(batch: Tensor<4>) -> Vec<RgbImage> {
    let [_, channels, height, width] = batch.dims();
    assert_eq!(channels, 3, "pictures have three channels");
    let data = floats(batch);
    let plane = height * width;
    as_floats(&data)
        .chunks_exact((3 * plane).max(1))
        .map(|planes| {
            RgbImage::from_fn(width as u32, height as u32, |x, y| {
                let at = y as usize * width + x as usize;
                image::Rgb([0, 1, 2].map(|channel| to_byte(planes[channel * plane + at])))
            })
        })
        .collect()
}

/// The batch `[n, 3, height, width]` of pictures of one size.
///
/// # Errors
/// When there are none, or a picture's size differs from the first one's.
pub fn from_images(images: &[RgbImage], device: &Device) -> Result<Tensor<4>> {
    let (width, height) = images.first().map_or((0, 0), RgbImage::dimensions);
    let plane = width as usize * height as usize;
    let mut values = vec![0.0; images.len() * 3 * plane];
    for (number, image) in images.iter().enumerate() {
        if image.dimensions() != (width, height) {
            let size = |(width, height): (u32, u32)| vec![height as usize, width as usize];
            return Err(Error::Shape {
                key: format!("picture {number}"),
                expected: size((width, height)),
                found: size(image.dimensions()),
            });
        }
        let planes = &mut values[number * 3 * plane..];
        for (at, pixel) in image.as_raw().as_chunks::<3>().0.iter().enumerate() {
            for (channel, &byte) in pixel.iter().enumerate() {
                planes[channel * plane + at] = from_byte(byte);
            }
        }
    }
    if values.is_empty() {
        return Err(Error::Convert {
            what: "pictures to a batch",
            reason: "there are none, or they are empty".into(),
        });
    }
    let shape = [images.len(), 3, height as usize, width as usize];
    Ok(Tensor::from_data(TensorData::new(values, shape), device))
}

/// One picture of all of a batch `[n, 3, height, width]`, `columns` in a row.
pub fn grid(batch: Tensor<4>, columns: usize) -> RgbImage {
    tile(&to_images(batch), columns)
}

/// One picture of many, `columns` in a row; each has the space of the largest.
pub fn tile(images: &[RgbImage], columns: usize) -> RgbImage {
    let columns = columns.clamp(1, images.len().max(1));
    let width = images.iter().map(RgbImage::width).max().unwrap_or(0);
    let height = images.iter().map(RgbImage::height).max().unwrap_or(0);
    let rows = images.len().div_ceil(columns);
    let mut sheet = RgbImage::new(width * columns as u32, height * rows as u32);
    for (number, image) in images.iter().enumerate() {
        let (row, column) = (number / columns, number % columns);
        let place = (
            i64::from(width) * column as i64,
            i64::from(height) * row as i64,
        );
        image::imageops::replace(&mut sheet, image, place.0, place.1);
    }
    sheet
}

/// Writes a PNG, wholly or not at all.
pub fn write_png(path: &Path, image: &RgbImage) -> Result<()> {
    let mut bytes = Cursor::new(Vec::new());
    image
        .write_to(&mut bytes, ImageFormat::Png)
        .map_err(|error| Error::Convert {
            what: "a picture to PNG",
            reason: error.to_string(),
        })?;
    Ok(write_atomic(path, &bytes.into_inner())?)
}

fn to_byte(value: f32) -> u8 {
    // The cast cuts off what is outside 0..255, and makes NaN 0.
    (value * 127.5 + 127.5).round() as u8
}

fn from_byte(byte: u8) -> f32 {
    f32::from(byte) / 127.5 - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives_the_way_to_a_tensor_and_back() {
        let image = RgbImage::from_fn(16, 8, |x, y| {
            image::Rgb([(x * 16 + y) as u8, (y * 32) as u8, 255 - x as u8])
        });
        let other = RgbImage::from_fn(16, 8, |x, y| image::Rgb([0, (128 + x * 8 + y) as u8, 255]));
        let batch = from_images(&[image.clone(), other.clone()], &Device::flex()).unwrap();
        assert_eq!(batch.dims(), [2, 3, 8, 16]);
        assert_eq!(to_images(batch), [image, other]);
        assert!((0..=255).all(|byte| to_byte(from_byte(byte)) == byte));
    }

    #[test]
    fn values_outside_are_cut_off() {
        assert_eq!(
            [-7.0, -1.0, 0.0, 1.0, 9.0, f32::NAN].map(to_byte),
            [0, 0, 128, 255, 255, 0]
        );
    }

    #[test]
    fn a_grid_goes_row_by_row() {
        let colours = [10, 20, 30].map(|value| RgbImage::from_pixel(2, 3, image::Rgb([value; 3])));
        let sheet = grid(from_images(&colours, &Device::flex()).unwrap(), 2);
        assert_eq!(sheet.dimensions(), (4, 6));
        let at = |x, y| sheet.get_pixel(x, y)[0];
        assert_eq!([at(0, 0), at(3, 2), at(1, 3), at(2, 3)], [10, 20, 30, 0]);
        assert_eq!(tile(&[], 4).dimensions(), (0, 0));
    }

    #[test]
    fn pictures_of_two_sizes_are_no_batch() {
        let images = [RgbImage::new(2, 3), RgbImage::new(3, 3)];
        let error = from_images(&images, &Device::flex())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("picture 1") && error.contains("[3, 2]") && error.contains("[3, 3]"),
            "{error}"
        );
        assert!(from_images(&[], &Device::flex()).is_err());
    }
}
