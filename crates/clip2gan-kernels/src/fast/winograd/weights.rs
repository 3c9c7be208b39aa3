//! Kernels as Winograd's way wants them.

use rayon::prelude::*;

use super::POINTS;
use super::transforms::transform_kernels;
use crate::fast::SharedMut;
use crate::fast::conv::Weight;
use crate::fast::instructions::{Chosen, chosen};
use crate::fast::multiply::{register_count, tile_rows};

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
        let rows = tile_rows(register_count(instructions), out_channels);
        let tiles = out_channels.div_ceil(rows);
        let size = tiles * channels * rows;
        let mut packed = vec![0.0; POINTS * size];
        let shared = SharedMut(packed.as_mut_ptr());
        (0..tiles).into_par_iter().for_each(|tile| {
            let lanes = rows.min(out_channels - tile * rows);
            instructions.dispatch(|| {
                for i in 0..channels {
                    // The tile's output channels side by side: `rows` of them are stored together.
                    let kernel = |y: usize, x: usize| -> [f32; LANES] {
                        std::array::from_fn(|lane| match lane < lanes {
                            true => weight.at(tile * rows + lane, i, y, x),
                            false => 0.0,
                        })
                    };
                    let columns: [[[f32; LANES]; 6]; 3] = std::array::from_fn(|y| {
                        transform_kernels([kernel(y, 0), kernel(y, 1), kernel(y, 2)])
                    });
                    let at = (tile * channels + i) * rows;
                    for x in 0..6 {
                        let column = transform_kernels(columns.map(|row| row[x]));
                        for (y, values) in column.iter().enumerate() {
                            // SAFETY: each tile writes its own rows of `packed`; `rows` is at most `LANES`.
                            unsafe {
                                let to = shared.get().add((6 * y + x) * size + at);
                                std::ptr::copy_nonoverlapping(values.as_ptr(), to, rows);
                            }
                        }
                    }
                }
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
