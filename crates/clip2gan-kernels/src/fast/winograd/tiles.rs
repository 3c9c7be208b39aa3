//! Maps as tiles of 4 × 4 pixels.

use rayon::prelude::*;

use super::BLOCK;
use crate::fast::instructions::vectorised;
use crate::fast::pack::{Lines, Maps};
use crate::fast::scratch::take;

/// Tiles of a batch on one line, with one place after each row of tiles and one row after each image, which hold the
/// first rows and columns of tiles that don't exist.
#[derive(Clone, Copy)]
pub struct Tiles {
    pub images: usize,
    pub rows: usize,
    pub columns: usize,
}

impl Tiles {
    pub fn row(self) -> usize {
        self.columns + 1
    }

    pub fn image(self) -> usize {
        (self.rows + 1) * self.row()
    }

    pub fn len(self) -> usize {
        self.images * self.image()
    }

    /// Floats per phase: places, and what the last tile of the last block reads behind them.
    pub fn plane(self) -> usize {
        self.len().next_multiple_of(BLOCK) + self.row() + 1
    }
}

/// One line per channel and phase: phase `4·y + x` holds, at the place of tile (r, c), the pixel
/// (4r + y − 1, 4c + x − 1), zero outside the map.
pub fn pack(x: Maps, tiles: Tiles) -> Lines {
    let [_, channels, height, width] = x.shape;
    let plane = tiles.plane();
    let mut data = take(channels * 16 * plane);
    data.par_chunks_mut(16 * plane)
        .enumerate()
        .for_each(|(c, lines)| {
            for line in lines.chunks_exact_mut(plane) {
                line[tiles.len()..].fill(0.0);
            }
            for n in 0..tiles.images {
                let (map, scale) = x.plane(n, c);
                for y in 0..4 * (tiles.rows + 1) {
                    let start = n * tiles.image() + y / 4 * tiles.row();
                    let phases = &mut lines[y % 4 * 4 * plane..][..4 * plane];
                    let row = match y.checked_sub(1) {
                        Some(y) if y < height => &map[y * width..][..width],
                        _ => &[],
                    };
                    let mut places = phases
                        .chunks_exact_mut(plane)
                        .map(|line| &mut line[start..][..tiles.row()]);
                    let places = std::array::from_fn(|_| places.next().expect("four phases"));
                    deal(row, scale, places);
                }
            }
        });
    Lines {
        data,
        channels,
        stride: 16 * plane,
    }
}

vectorised! {
    /// Deals the pixels of a row, times `scale`, to the four phases in turn, from the second phase on; zeros before and after them.
    fn deal<'a>(row: &'a [f32], scale: f32, phases: [&'a mut [f32]; 4]) {
        let [before, first, second, third] = phases;
        let (fours, rest) = row.as_chunks::<4>();
        before[0] = 0.0;
        let places = first.iter_mut().zip(second.iter_mut()).zip(third.iter_mut());
        let places = places.zip(before[1..].iter_mut());
        for (&[a, b, c, d], (((first, second), third), before)) in fours.iter().zip(places) {
            (*first, *second, *third, *before) = (a * scale, b * scale, c * scale, d * scale);
        }
        let done = fours.len();
        let mut rest = rest.iter().map(|value| value * scale);
        for line in [first, second, third] {
            line[done] = rest.next().unwrap_or(0.0);
            line[done + 1..].fill(0.0);
        }
        before[1 + done..].fill(0.0);
    }
}
