//! Maps as tiles of 4 × 4 pixels.

use rayon::prelude::*;

use super::BLOCK;
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
                    for (phase, line) in phases.chunks_exact_mut(plane).enumerate() {
                        let places = &mut line[start..][..tiles.row()];
                        // The first place of phase 0 is the column left of the map.
                        let (places, from) = match phase {
                            0 => {
                                places[0] = 0.0;
                                (&mut places[1..], 3)
                            }
                            _ => (places, phase - 1),
                        };
                        let mut values = row.get(from..).unwrap_or(&[]).iter().step_by(4);
                        for place in places {
                            *place = values.next().map_or(0.0, |value| value * scale);
                        }
                    }
                }
            }
        });
    Lines {
        data,
        channels,
        stride: 16 * plane,
    }
}
