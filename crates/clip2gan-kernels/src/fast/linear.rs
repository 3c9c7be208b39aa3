//! `y[row, o] = activation(Σ_k x[row, k] · weight[o, k] + bias[o])`: the fully connected layers of transformers.
//!
//! The vectors run along the rows, which are packed into panels once for all outputs; the weight is read where it stands, as both
//! factors have their sum along memory. Tiles come out with the outputs first and are turned over when they are written, bias and
//! non-linearity on the way.

use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::instructions::{Chosen, chosen, vectorised};
use super::multiply::{load, store};
use super::nonlinear::apply;
use super::scratch::{Scratch, take};
use super::{SharedMut, unwritten, written};
use crate::Nonlinearity;

/// Summands of a tile that are gone through before the next tile: a panel of so many stays in the second-level cache.
const DEPTH: usize = 1024;
/// Tiles of outputs that share a panel while it is near.
const TILES: usize = 8;

/// Panels whose sums are worked on together, so that they stay in the second-level cache as well.
const PANELS: usize = 24;

/// A matrix `[rows, depth]` in panels of some rows each: `[panel][k][row of panel]`, rows past the last zero.
struct Panels {
    data: Scratch,
    width: usize,
    count: usize,
}

impl Panels {
    fn new(x: &[f32], depth: usize, width: usize) -> Self {
        let rows = x.len() / depth;
        let count = rows.div_ceil(width);
        let mut data = take(count * depth * width);
        data.par_chunks_exact_mut(depth * width)
            .enumerate()
            .for_each(|(panel, out)| {
                let first = panel * width;
                let held = width.min(rows - first);
                if held < width {
                    out.fill(0.0);
                }
                turn(&x[first * depth..][..held * depth], depth, out, width);
            });
        Self { data, width, count }
    }
}

/// Outputs and rows of a register tile.
fn tile(instructions: Chosen) -> (usize, usize) {
    struct Tile;
    impl WithSimd for Tile {
        type Output = (usize, usize);

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> (usize, usize) {
            match S::REGISTER_COUNT >= 32 {
                true => (8, 3 * S::F32_LANES),
                false => (6, 2 * S::F32_LANES),
            }
        }
    }
    instructions.dispatch(Tile)
}

/// `x [rows, depth]`, `weight [outputs, depth]`, `bias [outputs]` → `[rows, outputs]`.
pub fn linear(
    x: &[f32],
    weight: &[f32],
    depth: usize,
    bias: Option<&[f32]>,
    nonlinearity: Nonlinearity,
) -> Vec<f32> {
    let (rows, outputs) = (x.len() / depth, weight.len() / depth);
    assert_eq!(x.len(), rows * depth, "whole rows");
    assert_eq!(weight.len(), outputs * depth, "whole rows of the weight");
    let instructions = chosen();
    let (tile_rows, width) = tile(instructions);
    let panels = Panels::new(x, depth, width);
    let tiles = outputs.div_ceil(tile_rows);
    // Small shares where there are few outputs, so that all threads have as much to do.
    let share = tiles
        .div_ceil(4 * rayon::current_num_threads())
        .clamp(1, TILES);
    let shares = tiles.div_ceil(share);
    let blocks = panels.count.div_ceil(PANELS);
    let mut out = unwritten(rows * outputs);
    let shared = SharedMut(out.as_mut_ptr().cast());
    (0..blocks * shares).into_par_iter().for_each(|task| {
        let (block, task) = (task / shares, task % shares);
        let held = block * PANELS..panels.count.min((block + 1) * PANELS);
        let places = held.len() * width;
        let first_row = held.start * width;
        let first = task * share * tile_rows;
        let count = (share * tile_rows).min(outputs - first);
        let mut sums = take(share * tile_rows * places);
        instructions.dispatch(Share {
            panels: &panels,
            held,
            weight: &weight[first * depth..][..count * depth],
            depth,
            tile_rows,
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
        turn_some(sums, places, rows, &mut turned, count);
        for (row, turned) in turned.chunks_exact(count).enumerate() {
            // SAFETY: `out` outlives the loop, and each place of it belongs to one task.
            unsafe {
                let to = shared.get().add((first_row + row) * outputs + first);
                std::ptr::copy_nonoverlapping(turned.as_ptr(), to, count);
            }
        }
    });
    // SAFETY: the tasks cover all outputs of all rows.
    unsafe { written(out) }
}

/// Side of the blocks that [`turn`] works in.
const SIDE: usize = 8;

/// `out[k · stride + row] = x[row · depth + k]` for all rows of `x`.
fn turn(x: &[f32], depth: usize, out: &mut [f32], stride: usize) {
    turn_some(x, depth, depth, out, stride);
}

vectorised! {
    /// The same for the first `count` values of each row.
    fn turn_some<'a>(x: &'a [f32], depth: usize, count: usize, out: &'a mut [f32], stride: usize) {
    let rows = x.len() / depth;
    assert!(rows <= stride && count <= depth && count * stride <= out.len());
        let (whole_rows, whole_count) = (rows / SIDE * SIDE, count / SIDE * SIDE);
        for k in (0..whole_count).step_by(SIDE) {
            for row in (0..whole_rows).step_by(SIDE) {
                let mut block = [[0.0f32; SIDE]; SIDE];
                for (r, line) in block.iter_mut().enumerate() {
                    line.copy_from_slice(&x[(row + r) * depth + k..][..SIDE]);
                }
                for i in 0..SIDE {
                    let column: [f32; SIDE] = std::array::from_fn(|r| block[r][i]);
                    out[(k + i) * stride + row..][..SIDE].copy_from_slice(&column);
                }
            }
        }
        for row in 0..rows {
            let from = if row < whole_rows { whole_count } else { 0 };
            for k in from..count {
                out[k * stride + row] = x[row * depth + k];
            }
        }
    }
}

/// Some outputs of some panels' rows.
struct Share<'a> {
    panels: &'a Panels,
    held: Range<usize>,
    weight: &'a [f32],
    depth: usize,
    tile_rows: usize,
    sums: &'a mut [f32],
}

impl WithSimd for Share<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.tile_rows {
            8 => self.run::<S, 8, 3>(simd),
            _ => self.run::<S, 6, 2>(simd),
        }
    }
}

impl Share<'_> {
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let Panels { data, width, count } = self.panels;
        let (depth, places) = (self.depth, self.held.len() * width);
        let outputs = self.weight.len() / depth;
        assert_eq!(
            *width,
            VECTORS * S::F32_LANES,
            "panels of these instructions"
        );
        assert!(self.held.end <= *count && data.len() >= count * width * depth);
        assert!(self.sums.len() >= outputs.next_multiple_of(ROWS) * places);
        for from in (0..depth).step_by(DEPTH) {
            let length = DEPTH.min(depth - from);
            for (place, panel) in self.held.clone().enumerate() {
                for tile in (0..outputs).step_by(ROWS) {
                    // Past the last output, the last one again: nobody reads what becomes of it.
                    let weights = std::array::from_fn(|row| {
                        let o = (tile + row).min(outputs - 1);
                        self.weight[o * depth + from..][..length].as_ptr()
                    });
                    // SAFETY: the assertions above bound the panel and the sums; the slices just taken, the weights.
                    unsafe {
                        let panel_start = data.as_ptr().add((panel * depth + from) * width);
                        let sums = self.sums.as_mut_ptr().add(tile * places + place * width);
                        let tile = (sums, places, from == 0);
                        tile_sum::<S, ROWS, VECTORS>(simd, panel_start, weights, length, tile);
                    }
                }
            }
        }
    }
}

/// Adds `length` summands to a tile of `ROWS` outputs × `VECTORS` vectors of rows, or starts it. `place` is where the tile stands,
/// how far its outputs are apart, and whether it starts.
///
/// # Safety
/// `panel` must be readable for `length · VECTORS` vectors, each of `weights` for `length` floats, and the tile's place writable.
#[inline(always)]
unsafe fn tile_sum<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    panel: *const f32,
    weights: [*const f32; ROWS],
    length: usize,
    (sums, places, first): (*mut f32, usize, bool),
) {
    // SAFETY: the caller's promise covers every pointer below.
    unsafe {
        let mut sum = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
        if !first {
            for (r, row) in sum.iter_mut().enumerate() {
                for (v, value) in row.iter_mut().enumerate() {
                    *value = load::<S>(sums.add(r * places + v * S::F32_LANES));
                }
            }
        }
        for k in 0..length {
            let at = panel.add(k * VECTORS * S::F32_LANES);
            let mut x = [simd.splat_f32s(0.0); VECTORS];
            for (v, x) in x.iter_mut().enumerate() {
                *x = load::<S>(at.add(v * S::F32_LANES));
            }
            for (row, weight) in sum.iter_mut().zip(weights) {
                let w = simd.splat_f32s(*weight.add(k));
                for (value, x) in row.iter_mut().zip(x) {
                    *value = simd.mul_add_e_f32s(w, x, *value);
                }
            }
        }
        for (r, row) in sum.iter().enumerate() {
            for (v, value) in row.iter().enumerate() {
                store::<S>(sums.add(r * places + v * S::F32_LANES), *value);
            }
        }
    }
}
