//! Maps as the pixels of other maps see them through the taps of a kernel.

use super::grid::Grid;
use super::pack::{Lines, Maps};

/// The pixel at row r and column c of image n sees, of channel i and through tap t, the number at
/// `n · image + i · channel + r · row + c · step + taps[t]`.
pub struct Seen<'a> {
    pub values: &'a [f32],
    pub channels: usize,
    pub image: usize,
    pub channel: usize,
    pub row: usize,
    /// 1 or 2.
    pub step: usize,
    pub taps: Vec<usize>,
}

impl<'a> Seen<'a> {
    /// Maps as they stand, by a kernel of `k` × `k` without padding that goes `step` pixels at a time.
    pub fn plain(maps: Maps<'a>, k: usize, step: usize) -> Self {
        let [_, channels, height, width] = maps.shape;
        assert!(maps.scales.is_none(), "maps without scales");
        Self {
            values: maps.values,
            channels,
            image: channels * height * width,
            channel: height * width,
            row: step * width,
            step,
            taps: (0..k * k).map(|tap| tap / k * width + tap % k).collect(),
        }
    }

    /// Padded maps, by a 3 × 3 kernel around each of their pixels.
    pub fn around(lines: &'a Lines, grid: Grid) -> Self {
        let row = grid.row();
        Self {
            values: &lines.data,
            channels: lines.channels,
            image: grid.image(),
            channel: lines.stride,
            row,
            step: 1,
            taps: (0..9)
                .map(|tap| grid.lead() - row - 1 + tap / 3 * row + tap % 3)
                .collect(),
        }
    }
}
