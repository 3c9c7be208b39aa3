//! PIL's resampling of 8-bit pictures, bit for bit: columns first, each pass in 22-bit fixed point and rounded to 8 bits.

use image::RgbImage;

use super::filter::{Filter, filters};

/// Fraction bits of PIL's weights for 8-bit pictures.
const PRECISION: u32 = 22;

/// Shorter side to `size`, then the `size × size` centre, as torchvision's `Resize(size, BICUBIC)` and `CenterCrop(size)` on a PIL
/// picture. Only what the crop shows is computed.
///
/// # Panics
/// If the picture or `size` is empty.
pub fn resize_and_crop(picture: &RgbImage, size: usize) -> RgbImage {
    let [width, height] = [picture.width() as usize, picture.height() as usize];
    assert!(width * height * size > 0, "an empty picture");
    let [down, across] = filters(height, width, size).map(|filters| fixed(&filters));
    // Only the rows that the crop needs are ever narrowed.
    let first = down.iter().map(|filter| filter.start).min().unwrap_or(0);
    let last = down.iter().map(Fixed::end).max().unwrap_or(0);
    let raw = picture.as_raw();
    let mut narrow = vec![0u8; (last - first) * size * 3];
    for (row, y) in narrow.chunks_exact_mut(size * 3).zip(first..) {
        let source = &raw[y * width * 3..][..width * 3];
        for (pixel, filter) in row.chunks_exact_mut(3).zip(&across) {
            let mut sums = [HALF; 3];
            let pixels = source[filter.start * 3..].chunks_exact(3);
            for (weight, from) in filter.weights.iter().zip(pixels) {
                for (sum, &value) in sums.iter_mut().zip(from) {
                    *sum += weight * i32::from(value);
                }
            }
            for (value, sum) in pixel.iter_mut().zip(sums) {
                *value = clip(sum);
            }
        }
    }
    let mut crop = RgbImage::new(size as u32, size as u32);
    let mut sums = vec![0i32; size * 3];
    for (row, filter) in crop.chunks_exact_mut(size * 3).zip(&down) {
        sums.fill(HALF);
        let rows = narrow[(filter.start - first) * size * 3..].chunks_exact(size * 3);
        for (weight, from) in filter.weights.iter().zip(rows) {
            for (sum, &value) in sums.iter_mut().zip(from) {
                *sum += weight * i32::from(value);
            }
        }
        for (value, &sum) in row.iter_mut().zip(&sums) {
            *value = clip(sum);
        }
    }
    crop
}

const HALF: i32 = 1 << (PRECISION - 1);

/// A filter in fixed point.
struct Fixed {
    start: usize,
    weights: Vec<i32>,
}

impl Fixed {
    fn end(&self) -> usize {
        self.start + self.weights.len()
    }
}

fn fixed(filters: &[Filter]) -> Vec<Fixed> {
    let round = |weight: &f64| (weight * f64::from(1 << PRECISION)).round() as i32;
    filters
        .iter()
        .map(|filter| Fixed {
            start: filter.start,
            weights: filter.weights.iter().map(round).collect(),
        })
        .collect()
}

fn clip(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}
