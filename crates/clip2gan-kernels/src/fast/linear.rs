//! `y[row, o] = activation(Σ_k x[row, k] · weight[o, k] + bias[o]) + residual[row, o]`: the fully connected layers of transformers.
//!
//! The vectors run along the outputs: the weight is packed into panels, the rows are read where they stand, and tiles come out as they
//! are written, bias, non-linearity and residual on the way.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::instructions::{Chosen, chosen};
use super::nonlinear::finish;
use super::panels::{Product, Rows, tile};
use super::scratch::take;
use super::{SharedMut, unwritten, written};
use crate::Nonlinearity;

/// Rows of a task at most: their sums stay in the second-level cache.
const ROWS: usize = 96;
/// Panels of a task at most.
const PANELS: usize = 8;

/// A weight `[outputs, depth]` in panels, for the instructions that it was packed by.
pub struct Weight {
    panels: Vec<f32>,
    outputs: usize,
    depth: usize,
    instructions: Chosen,
}

impl Weight {
    pub fn new(weight: &[f32], depth: usize) -> Self {
        let rows = Rows::whole(weight, depth);
        let outputs = rows.count;
        assert_eq!(weight.len(), outputs * depth, "whole rows of the weight");
        let instructions = chosen();
        let (_, width) = tile(instructions);
        let mut panels = unwritten(outputs.div_ceil(width) * depth * width);
        panels
            .par_chunks_exact_mut(depth * width)
            .enumerate()
            .for_each(|(index, panel)| rows.pack(index, depth, panel, width));
        Self {
            // SAFETY: packing writes whole panels.
            panels: unsafe { written(panels) },
            outputs,
            depth,
            instructions,
        }
    }
}

/// `x [rows, depth]`, `bias [outputs]`, `residual [rows, outputs]` → `[rows, outputs]`.
pub fn linear(
    x: &[f32],
    weight: &Weight,
    bias: Option<&[f32]>,
    nonlinearity: Nonlinearity,
    residual: Option<&[f32]>,
) -> Vec<f32> {
    let Weight {
        ref panels,
        outputs,
        depth,
        instructions,
    } = *weight;
    let rows = x.len() / depth;
    assert_eq!(x.len(), rows * depth, "whole rows");
    let fits = |values: Option<&[f32]>, count| values.is_none_or(|values| values.len() == count);
    assert!(fits(bias, outputs), "a bias for each output");
    assert!(fits(residual, rows * outputs), "a residual for each output");
    let tile = tile(instructions);
    let (tile_rows, width) = tile;
    // Even shares of the rows, and small shares of the outputs where that leaves too few tasks for all threads.
    let block = rows
        .div_ceil(rows.div_ceil(ROWS).max(1))
        .next_multiple_of(tile_rows);
    let blocks = rows.div_ceil(block);
    let all_panels = outputs.div_ceil(width);
    let share = (blocks * all_panels)
        .div_ceil(4 * rayon::current_num_threads())
        .clamp(1, PANELS);
    let shares = all_panels.div_ceil(share);
    let mut out = unwritten(rows * outputs);
    let shared = SharedMut(out.as_mut_ptr().cast());
    (0..blocks * shares).into_par_iter().for_each(|task| {
        // The larger factor is gone through once, the smaller one stays in the cache.
        let (block_index, share_index) = match panels.len() > x.len() {
            true => (task % blocks, task / blocks),
            false => (task / shares, task % shares),
        };
        let (first_row, first_panel) = (block_index * block, share_index * share);
        let held = first_panel..all_panels.min(first_panel + share);
        let first = first_panel * width;
        let (count, places) = (
            (held.len() * width).min(outputs - first),
            held.len() * width,
        );
        let rows = block.min(rows - first_row);
        let mut sums = take(block * places);
        instructions.dispatch(Product {
            rows: Rows::whole(&x[first_row * depth..][..rows * depth], depth),
            panels,
            depth,
            held,
            tile,
            add: false,
            sums: &mut sums,
        });
        let bias = bias.map(|bias| &bias[first..][..count]);
        for (row, sums) in sums.chunks_exact(places).take(rows).enumerate() {
            let at = (first_row + row) * outputs + first;
            let residual = residual.map(|residual| &residual[at..][..count]);
            // SAFETY: `out` outlives the loop, and each place of it belongs to one task.
            let out = unsafe {
                let start = shared.get().add(at).cast::<MaybeUninit<f32>>();
                std::slice::from_raw_parts_mut(start, count)
            };
            finish(out, &sums[..count], bias, nonlinearity, residual);
        }
    });
    // SAFETY: the tasks cover all outputs of all rows.
    unsafe { written(out) }
}
