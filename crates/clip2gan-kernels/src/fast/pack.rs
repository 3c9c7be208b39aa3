//! Lays maps out on grids, one line per channel.

use rayon::prelude::*;

use super::grid::Grid;
use super::scratch::{Scratch, take};

/// Lines of a packed batch: channel `c` starts at `c · stride`.
pub struct Lines {
    pub data: Scratch,
    pub channels: usize,
    pub stride: usize,
}

/// `x` `[images, channels, height, width]` → one line per channel.
pub fn pack(x: &[f32], channels: usize, grid: Grid) -> Lines {
    let plane = grid.plane();
    let size = grid.height * grid.width;
    let mut data = take(channels * plane);
    data.par_chunks_mut(plane)
        .enumerate()
        .for_each(|(c, line)| {
            let (lead, rest) = line.split_at_mut(grid.lead());
            lead.fill(0.0);
            let (places, tail) = rest.split_at_mut(grid.len());
            for (n, image) in places.chunks_exact_mut(grid.image()).enumerate() {
                let from = &x[(n * channels + c) * size..][..size];
                let (rows, last) = image.split_at_mut(grid.height * grid.row());
                for (row, from) in rows
                    .chunks_exact_mut(grid.row())
                    .zip(from.chunks_exact(grid.width))
                {
                    row[..grid.width].copy_from_slice(from);
                    row[grid.width] = 0.0;
                }
                last.fill(0.0);
            }
            tail.fill(0.0);
        });
    Lines {
        data,
        channels,
        stride: plane,
    }
}

/// `x` `[images, channels, 2·height + 1, 2·width + 1]` → four lines per channel, one per parity of row and column:
/// line `2·(row parity) + column parity` holds at (r, c) the pixel (2r + parity, 2c + parity).
pub fn pack_phases(x: &[f32], channels: usize, grid: Grid) -> Lines {
    let plane = grid.plane();
    let (tall, wide) = (2 * grid.height + 1, 2 * grid.width + 1);
    let mut data = take(channels * 4 * plane);
    data.par_chunks_mut(4 * plane)
        .enumerate()
        .for_each(|(c, lines)| {
            for line in lines.chunks_exact_mut(plane) {
                line[..grid.lead()].fill(0.0);
                line[grid.lead() + grid.len()..].fill(0.0);
            }
            let (even, odd) = lines.split_at_mut(2 * plane);
            for n in 0..grid.images {
                let from = &x[(n * channels + c) * tall * wide..][..tall * wide];
                let start = grid.lead() + n * grid.image();
                for (y, from) in from.chunks_exact(wide).enumerate() {
                    let pair = if y % 2 == 0 { &mut *even } else { &mut *odd };
                    let (left, right) = pair.split_at_mut(plane);
                    let at = start + (y / 2) * grid.row();
                    let (left, right) = (
                        &mut left[at..][..grid.row()],
                        &mut right[at..][..grid.row()],
                    );
                    for (to, &[a, b]) in left
                        .iter_mut()
                        .zip(right.iter_mut())
                        .zip(from.as_chunks().0)
                    {
                        (*to.0, *to.1) = (a, b);
                    }
                    left[grid.width] = from[wide - 1];
                    right[grid.width] = 0.0;
                }
                // The odd rows are one fewer: their last grid row is padding.
                for line in odd.chunks_exact_mut(plane) {
                    line[start + grid.height * grid.row()..][..grid.row()].fill(0.0);
                }
            }
        });
    Lines {
        data,
        channels,
        stride: 4 * plane,
    }
}
