//! Kernels as Winograd's way wants them.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::POINTS;
use super::transforms::transform_kernels;
use crate::fast::SharedMut;
use crate::fast::conv::Weight;
use crate::fast::instructions::{Chosen, chosen};
use crate::fast::panels::tile;

/// Most output channels of a register tile.
const LANES: usize = 8;

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
        let mut packed = vec![0.0; POINTS * size];
        let shared = SharedMut(packed.as_mut_ptr());
        (0..tiles).into_par_iter().for_each(|tile| {
            instructions.dispatch(Transform {
                weight,
                rows,
                tile,
                size,
                to: shared,
            });
        });
        Self {
            packed,
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

/// The kernels of one tile of output channels.
struct Transform<'a> {
    weight: Weight<'a>,
    rows: usize,
    tile: usize,
    /// Floats of a point.
    size: usize,
    to: SharedMut,
}

impl WithSimd for Transform<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let [outs, channels] = self.weight.channels();
        let first = self.tile * self.rows;
        let lanes = self.rows.min(outs - first);
        for i in 0..channels {
            // The tile's output channels side by side: `rows` of them are stored together.
            let kernel = |y: usize, x: usize| -> [f32; LANES] {
                std::array::from_fn(|lane| match lane < lanes {
                    true => self.weight.at(first + lane, i, y, x),
                    false => 0.0,
                })
            };
            let columns: [[[f32; LANES]; 6]; 3] = std::array::from_fn(|y| {
                transform_kernels([kernel(y, 0), kernel(y, 1), kernel(y, 2)])
            });
            let at = (self.tile * channels + i) * self.rows;
            for x in 0..6 {
                let column = transform_kernels(columns.map(|row| row[x]));
                for (y, values) in column.iter().enumerate() {
                    // SAFETY: each tile writes its own rows of `packed`; `rows` is at most `LANES`.
                    unsafe {
                        let to = self.to.get().add((6 * y + x) * self.size + at);
                        std::ptr::copy_nonoverlapping(values.as_ptr(), to, self.rows);
                    }
                }
            }
        }
    }
}
