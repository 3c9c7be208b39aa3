//! `y[row, o] = activation(Σ_k x[row, k] · weight[o, k] + bias[o]) + residual[row, o]`: the fully connected layers of transformers.
//!
//! The vectors run along the rows, which are packed into panels once for all outputs; the weight is read where it stands, as both
//! factors have their sum along memory. Tiles come out with the outputs first and are turned over when they are written, bias and
//! non-linearity on the way.

use rayon::prelude::*;

use super::instructions::chosen;
use super::nonlinear::apply;
use super::panels::{Product, Rows, tile, turn};
use super::scratch::take;
use super::{SharedMut, unwritten, written};
use crate::Nonlinearity;

/// Tiles of outputs that share a panel while it is near.
const TILES: usize = 8;

/// Panels whose sums are worked on together, so that they stay in the second-level cache as well.
const PANELS: usize = 24;

/// `x [rows, depth]`, `weight [outputs, depth]`, `bias [outputs]`, `residual [rows, outputs]` → `[rows, outputs]`.
pub fn linear(
    x: &[f32],
    weight: &[f32],
    depth: usize,
    bias: Option<&[f32]>,
    nonlinearity: Nonlinearity,
    residual: Option<&[f32]>,
) -> Vec<f32> {
    let (rows, outputs) = (x.len() / depth, weight.len() / depth);
    assert_eq!(x.len(), rows * depth, "whole rows");
    assert_eq!(weight.len(), outputs * depth, "whole rows of the weight");
    let residual_fits = residual.is_none_or(|residual| residual.len() == rows * outputs);
    assert!(residual_fits, "a residual for each output");
    let instructions = chosen();
    let tile = tile(instructions);
    let (tile_rows, width) = tile;
    let panel_count = rows.div_ceil(width);
    let mut panels = take(panel_count * depth * width);
    panels
        .par_chunks_exact_mut(depth * width)
        .enumerate()
        .for_each(|(index, panel)| Rows::whole(x, depth).pack(index, depth, panel, width));
    let tiles = outputs.div_ceil(tile_rows);
    // Small shares where there are few outputs, so that all threads have as much to do.
    let share = tiles
        .div_ceil(4 * rayon::current_num_threads())
        .clamp(1, TILES);
    let shares = tiles.div_ceil(share);
    let blocks = panel_count.div_ceil(PANELS);
    let mut out = unwritten(rows * outputs);
    let shared = SharedMut(out.as_mut_ptr().cast());
    (0..blocks * shares).into_par_iter().for_each(|task| {
        let (block, task) = (task / shares, task % shares);
        let held = block * PANELS..panel_count.min((block + 1) * PANELS);
        let places = held.len() * width;
        let first_row = held.start * width;
        let first = task * share * tile_rows;
        let count = (share * tile_rows).min(outputs - first);
        let mut sums = take(share * tile_rows * places);
        instructions.dispatch(Product {
            rows: Rows::whole(&weight[first * depth..][..count * depth], depth),
            panels: &panels,
            depth,
            held,
            tile,
            sums: &mut sums,
        });
        let sums = &mut sums[..count * places];
        for (o, sums) in sums.chunks_exact_mut(places).enumerate() {
            let bias = bias.map_or(0.0, |bias| bias[first + o]);
            apply(sums, bias, nonlinearity);
        }
        // Rows come first again: each task has a rectangle of the result, which is no slice of it.
        let rows = places.min(rows - first_row);
        let mut turned = take(rows * count);
        turn(Rows::whole(sums, places), rows, &mut turned, count);
        for (row, turned) in turned.chunks_exact_mut(count).enumerate() {
            let at = (first_row + row) * outputs + first;
            if let Some(residual) = residual {
                let residual = &residual[at..][..count];
                turned.iter_mut().zip(residual).for_each(|(y, x)| *y += x);
            }
            // SAFETY: `out` outlives the loop, and each place of it belongs to one task.
            unsafe {
                std::ptr::copy_nonoverlapping(turned.as_ptr(), shared.get().add(at), count);
            }
        }
    });
    // SAFETY: the tasks cover all outputs of all rows.
    unsafe { written(out) }
}
