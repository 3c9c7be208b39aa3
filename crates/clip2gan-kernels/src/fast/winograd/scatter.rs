//! From tiles of outputs back to maps.

use super::BLOCK;
use super::tiles::Tiles;
use crate::fast::SharedMut;
use crate::fast::finish::Finish;

/// The maps that are written.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    pub out: SharedMut,
    pub tiles: Tiles,
    pub channels: usize,
    /// Height and width.
    pub map: [usize; 2],
    pub finish: Option<Finish<'a>>,
}

impl Target<'_> {
    /// Writes `count` tiles from `start` on of channel `o` to their places in the map; what stands over its edges is dropped. `pixels`
    /// `[pixel of tile][BLOCK]`.
    ///
    /// # Safety
    /// `out` must be the whole of the maps, and nobody else may write these tiles.
    pub unsafe fn scatter(&self, pixels: &[f32], (start, count): (usize, usize), o: usize) {
        let [height, width] = self.map;
        for run in self.tiles.runs(start, count) {
            let (row, column) = (4 * run.row, 4 * run.column);
            let plane = run.image * self.channels + o;
            let columns = (width - column).min(4 * run.count);
            for y in 0..(height - row).min(4) {
                let pixel = (row + y) * width + column;
                // SAFETY: the caller's promise; whole tiles and the part of the last one are inside the map's row.
                let to = unsafe {
                    let to = self.out.get().add(plane * height * width + pixel);
                    std::slice::from_raw_parts_mut(to, columns)
                };
                alternate(&pixels[4 * y * BLOCK + run.place..], run.count, to);
                if let Some(finish) = &self.finish {
                    finish.apply(plane, pixel, to);
                }
            }
        }
    }
}

/// Writes one row of `count` tiles, of which `pixels` are the first pixel of each and all that follow.
fn alternate(pixels: &[f32], count: usize, to: &mut [f32]) {
    let lines: [&[f32]; 4] = std::array::from_fn(|x| &pixels[x * BLOCK..][..count]);
    let (whole, last) = to.as_chunks_mut::<4>();
    for (tile, to) in whole.iter_mut().enumerate() {
        *to = std::array::from_fn(|x| lines[x][tile]);
    }
    for (to, line) in last.iter_mut().zip(lines) {
        *to = line[whole.len()];
    }
}
