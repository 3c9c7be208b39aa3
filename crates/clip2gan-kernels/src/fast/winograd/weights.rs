//! Kernels as Winograd's way wants them.

use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::POINTS;
use super::transforms::transform_kernel;
use crate::fast::instructions::{Chosen, chosen};
use crate::fast::panels::{load, store, tile};
use crate::fast::scratch::take;
use crate::fast::weight::Weight;
use crate::fast::{SharedMut, to_write, unwritten, written};

/// Most output channels of a register tile, and of a vector.
const LANES: usize = 16;

/// Input channels whose kernels are one task.
const SHARE: usize = 8;

/// Transformed weights, `[point][tile of output channels][in channel][row of tile]`.
pub struct Weights {
    pub packed: Vec<f32>,
    pub out_channels: usize,
    pub rows: usize,
    /// What the tile was chosen for, and so what it must run on.
    pub instructions: Chosen,
}

impl Weights {
    pub fn new(weight: Weight) -> Self {
        let [out_channels, channels] = weight.channels();
        let instructions = chosen();
        let (rows, _) = tile(instructions);
        let tiles = out_channels.div_ceil(rows);
        let size = tiles * channels * rows;
        let mut packed = unwritten(POINTS * size);
        let shared = SharedMut(packed.as_mut_ptr().cast());
        (0..channels.div_ceil(SHARE))
            .into_par_iter()
            .for_each(|share| {
                let held = share * SHARE..channels.min((share + 1) * SHARE);
                let width = tiles * rows + LANES;
                let mut kernels = take(held.len() * 9 * width);
                kernels.fill(0.0);
                weight.turn(held.clone(), to_write(&mut kernels), width);
                instructions.dispatch(Transform {
                    kernels: &kernels,
                    flip: weight.flipped(),
                    width,
                    rows,
                    tiles,
                    channels,
                    held,
                    to: shared,
                });
            });
        Self {
            // SAFETY: every kernel of every tile was written, those past the last output channel, too.
            packed: unsafe { written(packed) },
            out_channels,
            rows,
            instructions,
        }
    }

    /// Register tiles of output channels.
    pub fn tiles(&self) -> usize {
        self.out_channels.div_ceil(self.rows)
    }
}

/// The kernels of some input channels.
struct Transform<'a> {
    /// `[in channel][tap][out channel]`, out channels up to `width`.
    kernels: &'a [f32],
    /// Whether taps stand in reverse order.
    flip: bool,
    width: usize,
    rows: usize,
    tiles: usize,
    /// Input channels, of which these are some.
    channels: usize,
    held: Range<usize>,
    to: SharedMut,
}

impl WithSimd for Transform<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { width, rows, .. } = self;
        assert_eq!(self.kernels.len(), self.held.len() * 9 * width);
        assert!(self.tiles * rows + LANES <= width && rows <= LANES && S::F32_LANES <= LANES);
        let mut points = [0.0; POINTS * LANES];
        for (kernels, i) in self.kernels.chunks_exact(9 * width).zip(self.held) {
            for tile in 0..self.tiles {
                for lane in (0..rows).step_by(S::F32_LANES) {
                    // SAFETY: the assertions bound the vectors of the last tile, and those of a point.
                    unsafe {
                        let tap = |y: usize, x: usize| {
                            let tap = 3 * y + x;
                            let tap = if self.flip { 8 - tap } else { tap };
                            let at = tap * width + tile * rows + lane;
                            load::<S>(kernels.as_ptr().add(at))
                        };
                        let mut half = [[simd.splat_f32s(0.0); 3]; 6];
                        for y in 0..3 {
                            let row = transform_kernel(simd, [tap(y, 0), tap(y, 1), tap(y, 2)]);
                            for (half, value) in half.iter_mut().zip(row) {
                                half[y] = value;
                            }
                        }
                        for (x, column) in half.into_iter().enumerate() {
                            for (y, value) in transform_kernel(simd, column).into_iter().enumerate()
                            {
                                let at = (6 * y + x) * LANES + lane;
                                store::<S>(points.as_mut_ptr().add(at), value);
                            }
                        }
                    }
                }
                for (point, values) in points.chunks_exact(LANES).enumerate() {
                    let at = ((point * self.tiles + tile) * self.channels + i) * rows;
                    // SAFETY: `packed` has a place for every kernel, and these input channels' belong to this task.
                    unsafe {
                        let to = self.to.get().add(at);
                        // Of a known length, so that it is no call.
                        match rows {
                            6 => std::ptr::copy_nonoverlapping(values.as_ptr(), to, 6),
                            rows => std::ptr::copy_nonoverlapping(values.as_ptr(), to, rows),
                        }
                    }
                }
            }
        }
    }
}
