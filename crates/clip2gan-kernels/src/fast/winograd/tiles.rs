//! Maps as tiles of 4 × 4 pixels, and back.

use rayon::prelude::*;

use super::BLOCK;
use crate::fast::SharedMut;
use crate::fast::conv::Shape;
use crate::fast::pack::Lines;
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
pub fn pack(x: &[f32], [_, channels, height, width]: Shape, tiles: Tiles) -> Lines {
    let plane = tiles.plane();
    let mut data = take(channels * 16 * plane);
    data.par_chunks_mut(16 * plane)
        .enumerate()
        .for_each(|(c, lines)| {
            for line in lines.chunks_exact_mut(plane) {
                line[tiles.len()..].fill(0.0);
            }
            for n in 0..tiles.images {
                let map = &x[(n * channels + c) * height * width..][..height * width];
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
                            *place = values.next().copied().unwrap_or(0.0);
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

/// Writes a block of tiles of channel `o` to their places in the map; what stands over its edges is dropped.
///
/// # Safety
/// `out` must be a whole map of this shape, and nobody else may write these tiles.
pub unsafe fn scatter(
    pixels: &[f32],
    start: usize,
    tiles: Tiles,
    o: usize,
    [images, outs, height, width]: Shape,
    out: SharedMut,
) {
    let mut place = 0;
    while place < BLOCK {
        let at = start + place;
        let (image, row, column) = (
            at / tiles.image(),
            at % tiles.image() / tiles.row(),
            at % tiles.row(),
        );
        // Tiles of one row of the map stand side by side.
        let run = (tiles.row() - column).min(BLOCK - place);
        if image < images && row < tiles.rows {
            let (rows, columns) = ((height - 4 * row).min(4), width - (4 * column).min(width));
            let whole = (columns / 4).min(run);
            for y in 0..rows {
                let at = ((image * outs + o) * height + 4 * row + y) * width + 4 * column;
                let [a, b, c, d] =
                    std::array::from_fn(|x| &pixels[(4 * y + x) * BLOCK + place..][..run]);
                // SAFETY: the caller's promise; whole tiles and the part of the last one are inside the map's row.
                unsafe {
                    let to =
                        std::slice::from_raw_parts_mut(out.get().add(at), columns.min(4 * run));
                    let (fours, last) = to.as_chunks_mut::<4>();
                    for (to, (((&a, &b), &c), &d)) in
                        fours.iter_mut().zip(a.iter().zip(b).zip(c).zip(d))
                    {
                        *to = [a, b, c, d];
                    }
                    for (x, to) in last.iter_mut().enumerate() {
                        *to = pixels[(4 * y + x) * BLOCK + place + whole];
                    }
                }
            }
        }
        place += run;
    }
}
