//! `out[a, b, tap] = Σ_p left_a[p] · right_b[p + offset(tap)]` in register tiles: the gradient of the weights.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::SharedMut;
use super::instructions::dispatch;
use super::multiply::load;
use super::pack::Lines;

/// Places summed before the partial sums leave the registers: the left rows of a tile fill half the first-level cache.
const CHUNK: usize = 1024;

/// A register tile: left rows × right columns, one accumulator each.
const ROWS: usize = 6;
const COLUMNS: usize = 2;

/// Correlates all lines of `left` (starting at `left_offset`) with all lines of `right` at each tap's offset;
/// `[left channels, right channels, taps]`. Places past `places` must hold zeros on the left.
pub fn correlate(
    left: &Lines,
    left_offset: usize,
    right: &Lines,
    offsets: &[usize],
    places: usize,
) -> Vec<f32> {
    let mut columns: Vec<usize> = (0..right.channels)
        .flat_map(|b| offsets.iter().map(move |offset| b * right.stride + offset))
        .collect();
    let width = columns.len();
    while !columns.len().is_multiple_of(COLUMNS) {
        columns.push(columns[width - 1]);
    }
    let mut out = vec![0.0; left.channels * width];
    let shared = SharedMut(out.as_mut_ptr());
    // A tile of rows is one task, so that each sum is taken by one thread, in one order.
    (0..left.channels.div_ceil(ROWS))
        .into_par_iter()
        .for_each(|tile| {
            let rows: [usize; ROWS] = std::array::from_fn(|r| {
                (tile * ROWS + r).min(left.channels - 1) * left.stride + left_offset
            });
            dispatch(Tile {
                left: &left.data,
                rows,
                right: &right.data,
                columns: &columns,
                width,
                places,
                out: shared,
                first: tile * ROWS,
                count: ROWS.min(left.channels - tile * ROWS),
            });
        });
    out
}

struct Tile<'a> {
    left: &'a [f32],
    rows: [usize; ROWS],
    right: &'a [f32],
    columns: &'a [usize],
    /// Real columns; the rest of `columns` repeats the last one.
    width: usize,
    places: usize,
    out: SharedMut,
    first: usize,
    count: usize,
}

impl WithSimd for Tile<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let furthest = |starts: &[usize]| starts.iter().max().copied().unwrap_or(0);
        // The last vector may reach past the last place by less than a vector.
        let end = self.places + S::F32_LANES;
        assert!(furthest(&self.rows) + end <= self.left.len());
        assert!(furthest(self.columns) + end <= self.right.len());
        for start in (0..self.places).step_by(CHUNK) {
            let count = CHUNK.min(self.places - start).div_ceil(S::F32_LANES);
            for (index, columns) in self.columns.chunks_exact(COLUMNS).enumerate() {
                // SAFETY: the assertions bound every read; `out` has a place for each real row and column, and
                // only this task writes these rows.
                unsafe {
                    let left = self.rows.map(|row| self.left.as_ptr().add(row + start));
                    let right: [*const f32; COLUMNS] =
                        std::array::from_fn(|c| self.right.as_ptr().add(columns[c] + start));
                    let sums = tile_dots::<S>(simd, left, right, count);
                    for (r, row) in sums.iter().enumerate().take(self.count) {
                        for (c, &sum) in row.iter().enumerate() {
                            let column = index * COLUMNS + c;
                            if column < self.width {
                                *self.out.get().add((self.first + r) * self.width + column) += sum;
                            }
                        }
                    }
                }
            }
        }
    }
}

/// All dot products of `ROWS` left pieces with `COLUMNS` right pieces of `count` vectors.
///
/// # Safety
/// Every pointer must be readable for `count` vectors.
#[inline(always)]
unsafe fn tile_dots<S: Simd>(
    simd: S,
    left: [*const f32; ROWS],
    right: [*const f32; COLUMNS],
    count: usize,
) -> [[f32; COLUMNS]; ROWS] {
    let mut sums = [[simd.splat_f32s(0.0); COLUMNS]; ROWS];
    for step in 0..count {
        let at = step * S::F32_LANES;
        let mut x = [simd.splat_f32s(0.0); COLUMNS];
        for (x, right) in x.iter_mut().zip(right) {
            // SAFETY: the caller's promise.
            *x = unsafe { load::<S>(right.add(at)) };
        }
        for (row, left) in sums.iter_mut().zip(left) {
            // SAFETY: the caller's promise.
            let g = unsafe { load::<S>(left.add(at)) };
            for (sum, x) in row.iter_mut().zip(x) {
                *sum = simd.mul_add_e_f32s(g, x, *sum);
            }
        }
    }
    let mut totals = [[0.0; COLUMNS]; ROWS];
    for (totals, sums) in totals.iter_mut().zip(sums) {
        for (total, sum) in totals.iter_mut().zip(sums) {
            *total = simd.reduce_sum_f32s(sum);
        }
    }
    totals
}
