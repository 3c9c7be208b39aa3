//! Pictures against PIL and torchvision (`fixtures/pixels/make.py`).

use std::path::Path;

use clip2gan_clip::{open_picture, resize_and_crop, to_rgb};
use clip2gan_weights::{Arrays, read_safetensors};
use image::{Rgb, RgbImage};

fn folder() -> &'static Path {
    Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/pixels"
    ))
}

fn expected() -> Arrays {
    read_safetensors(folder().join("pixels.safetensors"))
        .unwrap()
        .0
}

/// The same formula stands in `make.py`.
fn pattern(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([x * 37, y * 53, (x + 2 * y) * 29].map(|value| (value % 256) as u8))
    })
}

/// The largest difference and the mean, in levels of 255.
fn difference(found: &RgbImage, expected: &[u8]) -> (u8, f64) {
    let size = found.width() as usize;
    assert_eq!(expected.len(), 3 * size * size);
    let mut largest = 0;
    let mut sum = 0.0;
    for (i, &level) in expected.iter().enumerate() {
        let (channel, y, x) = (i / (size * size), i / size % size, i % size);
        let off = found.get_pixel(x as u32, y as u32)[channel].abs_diff(level);
        largest = largest.max(off);
        sum += f64::from(off);
    }
    (largest, sum / expected.len() as f64)
}

#[test]
fn every_size_is_resampled_bit_for_bit() {
    let mut cases = 0;
    for (name, array) in &expected() {
        let Some(sizes) = name.strip_prefix("pattern ") else {
            continue;
        };
        let sizes: Vec<u32> = sizes.split(' ').map(|n| n.parse().unwrap()).collect();
        let crop = resize_and_crop(&pattern(sizes[0], sizes[1]), sizes[2] as usize);
        // Recent PIL narrows the rows of very tall pictures last, which moves the rounding between.
        let allowed = u8::from(sizes[1] > 100 * sizes[0]);
        assert!(difference(&crop, &array.data).0 <= allowed, "{name}");
        cases += 1;
    }
    assert_eq!(cases, 16);
}

#[test]
fn every_kind_of_file_is_decoded_as_pil_does() {
    let mut cases = 0;
    for (name, array) in &expected() {
        let Some(file) = name.strip_prefix("file ") else {
            continue;
        };
        let picture = to_rgb(&open_picture(folder().join(file)).unwrap());
        let found = difference(&resize_and_crop(&picture, 32), &array.data);
        // JPEG leaves the rounding of the inverse transform and of colours to the decoder.
        let allowed = match file.ends_with("jpg") {
            true => (2, 0.25),
            false => (0, 0.0),
        };
        assert!(
            found.0 <= allowed.0 && found.1 <= allowed.1,
            "{file}: {found:?}"
        );
        cases += 1;
    }
    assert_eq!(cases, 24);
}
