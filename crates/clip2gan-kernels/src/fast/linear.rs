//! `y[row, o] = activation(Σ_k x[row, k] · weight[o, k] + bias[o])`: the fully connected layers of transformers.
//!
//! The vectors run along the rows, which are packed into panels once for all outputs; the weight is read where it stands, as both
//! factors have their sum along memory. Tiles come out with the outputs first and are turned over when they are written, bias and
//! non-linearity on the way.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::instructions::{Chosen, chosen};
use super::multiply::{load, store};
use super::nonlinear::apply;
use super::scratch::{Scratch, take};
use super::{SharedMut, unwritten, written};
use crate::Nonlinearity;

/// Summands of a tile that are gone through before the next tile: a panel of so many stays in the second-level cache.
const DEPTH: usize = 1024;
/// Tiles of outputs that share a panel while it is near.
const TILES: usize = 8;

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
                for (k, out) in out.chunks_exact_mut(width).enumerate() {
                    for (row, out) in out[..held].iter_mut().enumerate() {
                        *out = x[(first + row) * depth + k];
                    }
                    out[held..].fill(0.0);
                }
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
    let mut out = unwritten(rows * outputs);
    let shared = SharedMut(out.as_mut_ptr().cast());
    let places = panels.count * panels.width;
    (0..tiles.div_ceil(share)).into_par_iter().for_each(|task| {
        let first = task * share * tile_rows;
        let count = (share * tile_rows).min(outputs - first);
        let mut sums = take(share * tile_rows * places);
        instructions.dispatch(Share {
            panels: &panels,
            weight: &weight[first * depth..][..count * depth],
            depth,
            tile_rows,
            sums: &mut sums,
        });
        let sums = &mut sums[..count * places];
        for (o, sums) in sums.chunks_exact_mut(places).enumerate() {
            let bias = bias.map_or(0.0, |bias| bias[first + o]);
            apply(&mut sums[..rows], bias, nonlinearity);
        }
        // SAFETY: `out` outlives the loop, and each output belongs to one task.
        unsafe { turn(sums, places, rows, shared.get().add(first), outputs) };
    });
    // SAFETY: the tasks cover all outputs, and each writes all rows.
    unsafe { written(out) }
}

/// `out[row · stride + o] = sums[o · places + row]` in blocks that fit the first-level cache.
///
/// # Safety
/// `out` must be writable at all these places.
unsafe fn turn(sums: &[f32], places: usize, rows: usize, out: *mut f32, stride: usize) {
    const BLOCK: usize = 16;
    for start in (0..rows).step_by(BLOCK) {
        for row in start..rows.min(start + BLOCK) {
            for (o, sums) in sums.chunks_exact(places).enumerate() {
                // SAFETY: the caller's promise.
                unsafe { *out.add(row * stride + o) = sums[row] };
            }
        }
    }
}

/// Some outputs of all rows.
struct Share<'a> {
    panels: &'a Panels,
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
        let (depth, places) = (self.depth, count * width);
        let outputs = self.weight.len() / depth;
        assert_eq!(
            *width,
            VECTORS * S::F32_LANES,
            "panels of these instructions"
        );
        assert!(data.len() >= places * depth);
        assert!(self.sums.len() >= outputs.next_multiple_of(ROWS) * places);
        for from in (0..depth).step_by(DEPTH) {
            let length = DEPTH.min(depth - from);
            for panel in 0..*count {
                for tile in (0..outputs).step_by(ROWS) {
                    // Past the last output, the last one again: nobody reads what becomes of it.
                    let weights = std::array::from_fn(|row| {
                        let o = (tile + row).min(outputs - 1);
                        self.weight[o * depth + from..][..length].as_ptr()
                    });
                    // SAFETY: the assertions above bound the panel and the sums; the slices just taken, the weights.
                    unsafe {
                        let panel_start = data.as_ptr().add((panel * depth + from) * width);
                        let sums = self.sums.as_mut_ptr().add(tile * places + panel * width);
                        let place = (sums, places, from == 0);
                        tile_sum::<S, ROWS, VECTORS>(simd, panel_start, weights, length, place);
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
