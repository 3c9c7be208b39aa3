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
