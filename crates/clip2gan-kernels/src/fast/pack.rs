//! Lays maps out on grids, one line per channel.

use rayon::prelude::*;

use super::conv::Shape;
use super::grid::Grid;
use super::scratch::{Scratch, take};

/// Maps as a convolution reads them.
#[derive(Clone, Copy)]
pub struct Maps<'a> {
    pub values: &'a [f32],
    pub shape: Shape,
    /// A factor for each channel of each image.
    pub scales: Option<&'a [f32]>,
}

impl<'a> Maps<'a> {
    /// Maps as they are.
    pub fn new(values: &'a [f32], shape: Shape) -> Self {
        Self {
            values,
            shape,
            scales: None,
        }
    }

    /// One channel of one image, and its factor.
    pub fn plane(&self, image: usize, channel: usize) -> (&'a [f32], f32) {
        let [_, channels, height, width] = self.shape;
        let plane = image * channels + channel;
        let scale = self.scales.map_or(1.0, |scales| scales[plane]);
        (
            &self.values[plane * height * width..][..height * width],
            scale,
        )
    }
}

/// Lines of a packed batch: channel `c` starts at `c · stride`.
pub struct Lines {
    pub data: Scratch,
    pub channels: usize,
    pub stride: usize,
}

/// One line per channel.
pub fn pack(x: Maps, grid: Grid) -> Lines {
    let channels = x.shape[1];
    let plane = grid.plane();
    let mut data = take(channels * plane);
    data.par_chunks_mut(plane)
        .enumerate()
        .for_each(|(c, line)| {
            let (lead, rest) = line.split_at_mut(grid.lead());
            lead.fill(0.0);
            let (places, tail) = rest.split_at_mut(grid.len());
            for (n, image) in places.chunks_exact_mut(grid.image()).enumerate() {
                let (from, scale) = x.plane(n, c);
                let (rows, last) = image.split_at_mut(grid.height * grid.row());
                for (row, from) in rows
                    .chunks_exact_mut(grid.row())
                    .zip(from.chunks_exact(grid.width))
                {
                    for (to, &value) in row.iter_mut().zip(from) {
                        *to = value * scale;
                    }
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
