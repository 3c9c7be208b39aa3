//! The gradient of a 3×3 kernel by Winograd's way.
//!
//! The convolution is `Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A`, so the gradient of `g` is `Gᵀ[(A e Aᵀ) ⊙ (Bᵀ d B)]G`, summed over all tiles, where `e`
//! is the gradient of a tile of outputs: over channels again 36 matrix products, which sum over tiles.

use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::tiles::{Tiles, gather, gather_own};
use super::transforms::{transform_gradient, transform_products};
use super::{BLOCK, POINTS, transform_tiles};
use crate::fast::instructions::{chosen, vectorised};
use crate::fast::pack::Maps;
use crate::fast::panels::{Product, Rows, load, store, tile};
use crate::fast::scratch::take;
use crate::fast::to_write;

/// Fewest tiles of all maps, and fewest channels on either side, for which the transforms pay.
const FEWEST_TILES: usize = 256;
const FEWEST_CHANNELS: usize = 32;

/// Floats of transformed maps that are held at once, so that they stay in the last-level cache.
const HELD: usize = 2 << 20;

/// Places of a point past its last tile: for the last vector, and so that the points of a tile do not all meet in one set of the cache.
const APART: usize = 16;

/// Register tiles of rows whose sums are one task.
const SHARE: usize = 4;

/// Whether this way is the faster one.
pub fn gradient_pays([outs, ins]: [usize; 2], [images, height, width]: [usize; 3]) -> bool {
    let tiles = images * height.div_ceil(4) * width.div_ceil(4);
    ins.min(outs) >= FEWEST_CHANNELS && tiles >= FEWEST_TILES
}

/// The gradient `[out, in, 3, 3]` of the kernels, given the maps `x` and the gradient of the output.
pub fn weight_gradient(x: Maps, grad: Maps) -> Vec<f32> {
    let ([images, ins, height, width], [_, outs, ..]) = (x.shape, grad.shape);
    let tiles = Tiles {
        images,
        rows: height.div_ceil(4),
        columns: width.div_ceil(4),
    };
    let instructions = chosen();
    let tile = tile(instructions);
    let (tile_rows, panel) = tile;
    let columns = ins.next_multiple_of(panel);
    let size = outs.next_multiple_of(tile_rows) * columns;
    let mut sums = take(POINTS * size);
    let some = (HELD / (POINTS * (ins + outs) * BLOCK)).max(2) * BLOCK;
    let apart = some.min(tiles.len()) + APART;
    let (mut inputs, mut gradients) = (take(ins * POINTS * apart), take(outs * POINTS * apart));

    for start in (0..tiles.len()).step_by(some) {
        let count = some.min(tiles.len() - start);
        for (maps, gradient, to) in [(x, false, &mut inputs), (grad, true, &mut gradients)] {
            to.par_chunks_exact_mut(POINTS * apart)
                .enumerate()
                .for_each(|(channel, to)| {
                    instructions.dispatch(Transform {
                        maps,
                        gradient,
                        channel,
                        tiles,
                        start,
                        count,
                        apart,
                        to,
                    });
                });
        }
        sums.par_chunks_exact_mut(size)
            .enumerate()
            .for_each(|(point, sums)| {
                let mut panels = take(columns * count);
                let inputs = rows(&inputs, apart, point, 0..ins);
                for (index, to) in panels.chunks_exact_mut(panel * count).enumerate() {
                    inputs.pack(index, count, to_write(to), panel);
                }
                sums.par_chunks_mut(SHARE * tile_rows * columns)
                    .enumerate()
                    .for_each(|(share, sums)| {
                        let first = share * SHARE * tile_rows;
                        let last = outs.min(first + SHARE * tile_rows);
                        instructions.dispatch(Product {
                            rows: rows(&gradients, apart, point, first..last),
                            panels: &panels,
                            depth: count,
                            held: 0..columns / panel,
                            tile,
                            add: start > 0,
                            sums,
                        });
                    });
            });
    }

    let mut out = vec![0.0; outs * ins * 9];
    out.par_chunks_exact_mut(ins * 9)
        .enumerate()
        .for_each(|(o, out)| kernels(&sums[o * columns..], size, out));
    out
}

/// `[channel][tile]` of a point, from `[channel][point][tile]`.
fn rows(values: &[f32], apart: usize, point: usize, channels: Range<usize>) -> Rows<'_> {
    Rows {
        values: &values[(channels.start * POINTS + point) * apart..],
        stride: POINTS * apart,
        count: channels.len(),
    }
}

/// The transforms of one channel's tiles, `[point][tile]`, points `apart` from one another.
struct Transform<'a> {
    maps: Maps<'a>,
    /// Whether these are gradients of outputs.
    gradient: bool,
    channel: usize,
    tiles: Tiles,
    start: usize,
    count: usize,
    apart: usize,
    to: &'a mut [f32],
}

impl WithSimd for Transform<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { apart, tiles, .. } = self;
        assert!(self.count.next_multiple_of(S::F32_LANES) <= apart);
        assert!(self.to.len() >= POINTS * apart);
        let mut lines = [0.0; POINTS * BLOCK];
        for from in (0..self.count).step_by(BLOCK) {
            let (start, count) = (self.start + from, BLOCK.min(self.count - from));
            match self.gradient {
                true => gather_own(&self.maps, self.channel, tiles, start, count, &mut lines),
                false => gather(&self.maps, self.channel, tiles, start, count, &mut lines),
            }
            for place in (0..count).step_by(S::F32_LANES) {
                // SAFETY: a block is whole vectors, and the assertions bound the last vector of the last point.
                unsafe {
                    let (from, to) = (
                        lines.as_ptr().add(place),
                        self.to.as_mut_ptr().add(from + place),
                    );
                    match self.gradient {
                        true => transform_gradients(simd, from, to, apart),
                        false => transform_tiles(simd, from, to, apart),
                    }
                }
            }
        }
    }
}

/// `A e Aᵀ` of a vector of tiles, from lines `[16][BLOCK]` to points that are `apart`.
///
/// # Safety
/// A vector must be readable in every line and writable at every point.
#[inline(always)]
unsafe fn transform_gradients<S: Simd>(simd: S, from: *const f32, to: *mut f32, apart: usize) {
    let zero = simd.splat_f32s(0.0);
    // SAFETY: the caller's promise.
    unsafe {
        let mut half = [[zero; 4]; 6];
        for x in 0..4 {
            let column = std::array::from_fn(|y| load::<S>(from.add((4 * y + x) * BLOCK)));
            let column = transform_gradient(simd, column);
            for (row, value) in half.iter_mut().zip(column) {
                row[x] = value;
            }
        }
        for (y, row) in half.into_iter().enumerate() {
            for (x, value) in transform_gradient(simd, row).into_iter().enumerate() {
                store::<S>(to.add((6 * y + x) * apart), value);
            }
        }
    }
}

/// Channels that go back together.
const LANES: usize = 8;

vectorised! {
    /// `Gᵀ m G` of one output channel: `[point][in]`, points `size` apart, to `[in, 3, 3]`.
    fn kernels<'a>(sums: &'a [f32], size: usize, out: &'a mut [f32]) {
        for (index, out) in out.chunks_mut(9 * LANES).enumerate() {
            let point = |y: usize, x: usize| -> [f32; LANES] {
                let at = (6 * y + x) * size + index * LANES;
                let held = LANES.min(sums.len() - at);
                std::array::from_fn(|lane| if lane < held { sums[at + lane] } else { 0.0 })
            };
            let columns: [[[f32; LANES]; 3]; 6] = std::array::from_fn(|y| {
                transform_products(std::array::from_fn(|x| point(y, x)))
            });
            for x in 0..3 {
                let column = transform_products(columns.map(|row| row[x]));
                for (y, values) in column.into_iter().enumerate() {
                    for (out, value) in out.chunks_exact_mut(9).zip(values) {
                        out[3 * y + x] = value;
                    }
                }
            }
        }
    }
}
