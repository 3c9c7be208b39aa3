//! `out[a, b, tap] = Σ_p left_a[p] · right_b[p at tap]` in register tiles: the gradient of the weights.
//!
//! The vectors run along the left channels, which are turned into panels, `[place][channel]`; a row of a tile is a right channel seen
//! from one tap, read number by number where it stands. So strides cost nothing, sums stay in their registers, and all taps find the
//! same numbers in the cache.

use std::mem::MaybeUninit;
use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::instructions::chosen;
use super::pack::Maps;
use super::panels::{Rows, Sums, tile, turn};
use super::scratch::{Scratch, take};
use super::seen::Seen;
use super::{to_write, unwritten, written};

/// Places gone through before the next tile, about: the panel's piece and the rows' stay in the first-level cache.
const PLACES: usize = 256;

/// Tasks, at least, where there are as many tiles.
const TASKS: usize = 16;
/// Tiles of a task at most.
const TILES: usize = 16;

/// Sums of products, `[panel of left channels][right channel][tap][channel of panel]`.
pub struct Correlation {
    sums: Scratch,
    width: usize,
    /// Right channels times taps, without and with the rest of the last tile.
    rows: [usize; 2],
    left: usize,
    taps: usize,
}

/// Correlates all maps of the left with all of the right through each tap.
pub fn correlate(left: Maps, right: &Seen) -> Correlation {
    let instructions = chosen();
    let (tile_rows, width) = tile(instructions);
    let [images, channels, height, columns] = left.shape;
    let places = images * height * columns;
    let panels = turned(left, width);
    let runs: Vec<Run> = (0..images * height)
        .flat_map(|row| {
            let from = row / height * right.image + row % height * right.row;
            (0..columns).step_by(PLACES).map(move |column| Run {
                from: from + column * right.step,
                length: PLACES.min(columns - column),
            })
        })
        .collect();
    let mut rows: Vec<usize> = (0..right.channels)
        .flat_map(|b| right.taps.iter().map(move |tap| b * right.channel + tap))
        .collect();
    let count = rows.len();
    // Past the last row, the last one again: nobody reads what becomes of it.
    rows.resize(count.next_multiple_of(tile_rows), rows[count - 1]);
    let tiles = rows.len() / tile_rows * channels.div_ceil(width);
    let share = tiles.div_ceil(TASKS).clamp(1, TILES) * tile_rows;
    let mut sums = take(rows.len() * channels.next_multiple_of(width));
    sums.par_chunks_exact_mut(rows.len() * width)
        .zip(panels.par_chunks_exact(places * width))
        .for_each(|(sums, panel)| {
            let shares = rows.par_chunks(share);
            let tasks = sums.par_chunks_mut(share * width).zip(shares);
            tasks.for_each(|(sums, rows)| {
                instructions.dispatch(Tiles {
                    panel,
                    values: right.values,
                    rows,
                    runs: &runs,
                    step: right.step,
                    tile: (tile_rows, width),
                    sums,
                });
            });
        });
    Correlation {
        sums,
        width,
        rows: [count, rows.len()],
        left: channels,
        taps: right.taps.len(),
    }
}

/// The maps in panels, `[panel][image][pixel][channel of panel]`, channels past the last zero.
fn turned(maps: Maps, width: usize) -> Scratch {
    let [images, channels, height, columns] = maps.shape;
    let size = height * columns;
    let mut panels = take(channels.div_ceil(width) * images * size * width);
    panels
        .par_chunks_exact_mut(size * width)
        .enumerate()
        .for_each(|(index, panel)| {
            let (first, image) = (index / images * width, index % images);
            let rows = Rows {
                values: &maps.values[(image * channels + first) * size..],
                stride: size,
                count: width.min(channels - first),
            };
            rows.pack(0, size, to_write(panel), width);
        });
    panels
}

impl Correlation {
    /// `[left channel, right channel, tap]`.
    pub fn left_first(&self) -> Vec<f32> {
        let mut out = unwritten(self.left * self.rows[0]);
        out.par_chunks_mut(self.width * self.rows[0])
            .enumerate()
            .for_each(|(panel, out)| self.copy(panel, 0..self.rows[0], out));
        // SAFETY: the panels cover all left channels.
        unsafe { written(out) }
    }

    /// `[right channel, left channel, tap]`.
    pub fn right_first(&self) -> Vec<f32> {
        let mut out = unwritten(self.left * self.rows[0]);
        out.par_chunks_exact_mut(self.left * self.taps)
            .enumerate()
            .for_each(|(channel, out)| {
                let rows = channel * self.taps..(channel + 1) * self.taps;
                for (panel, out) in out.chunks_mut(self.width * self.taps).enumerate() {
                    self.copy(panel, rows.clone(), out);
                }
            });
        // SAFETY: each right channel has a piece, and the panels cover all left channels of it.
        unsafe { written(out) }
    }

    /// Some rows of a panel, `[channel of panel][row]`.
    fn copy(&self, panel: usize, rows: Range<usize>, out: &mut [MaybeUninit<f32>]) {
        let from = Rows {
            values: &self.sums[(panel * self.rows[1] + rows.start) * self.width..],
            stride: self.width,
            count: rows.len(),
        };
        turn(from, out.len() / rows.len(), out, rows.len());
    }
}

/// Places that stand in one row of the left.
struct Run {
    /// How far on from the row's start the right's numbers begin.
    from: usize,
    length: usize,
}

/// Some rows by one panel.
struct Tiles<'a> {
    /// `[place][channel]`
    panel: &'a [f32],
    values: &'a [f32],
    /// Where each row starts in `values`; whole tiles.
    rows: &'a [usize],
    /// All places in order.
    runs: &'a [Run],
    step: usize,
    tile: (usize, usize),
    /// `[row][channel]`
    sums: &'a mut [f32],
}

impl WithSimd for Tiles<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match (self.tile.0, self.step) {
            (8, 2) => self.run::<S, 8, 3, 2>(simd),
            (8, _) => self.run::<S, 8, 3, 1>(simd),
            (_, 2) => self.run::<S, 6, 2, 2>(simd),
            _ => self.run::<S, 6, 2, 1>(simd),
        }
    }
}

impl Tiles<'_> {
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize, const STEP: usize>(self, simd: S) {
        let width = VECTORS * S::F32_LANES;
        assert_eq!(self.tile, (ROWS, width), "the tile of these instructions");
        assert_eq!(self.step, STEP);
        let places: usize = self.runs.iter().map(|run| run.length).sum();
        assert_eq!(self.panel.len(), places * width);
        assert_eq!(self.sums.len(), self.rows.len() * width);
        let last = |run: &Run| run.from + (run.length - 1) * STEP;
        let furthest = self.runs.iter().map(last).max().unwrap_or(0);
        let start = self.rows.iter().copied().max().unwrap_or(0);
        assert!(start + furthest < self.values.len());
        let tiles = self.rows.as_chunks::<ROWS>().0;
        let mut runs = self.runs;
        let mut panel = self.panel.as_ptr();
        let mut first = true;
        while !runs.is_empty() {
            let mut held = 0;
            let mut count = 0;
            while count < runs.len() && (count == 0 || held + runs[count].length <= PLACES) {
                held += runs[count].length;
                count += 1;
            }
            let piece;
            (piece, runs) = runs.split_at(count);
            for (rows, sums) in tiles.iter().zip(self.sums.chunks_exact_mut(ROWS * width)) {
                // SAFETY: the assertions bound the panel, the sums, and the furthest number of the furthest row.
                unsafe {
                    let rows = rows.map(|row| self.values.as_ptr().add(row));
                    let mut tile = match first {
                        true => Sums::<S, ROWS, VECTORS>::zero(simd),
                        false => Sums::load(sums.as_ptr(), width),
                    };
                    let mut panel = panel;
                    for run in piece {
                        let rows = rows.map(|row| row.add(run.from));
                        tile.add::<STEP>(simd, (panel, width), rows, run.length);
                        panel = panel.add(run.length * width);
                    }
                    tile.store(sums.as_mut_ptr(), width);
                }
            }
            // SAFETY: the piece's places are inside the panel.
            panel = unsafe { panel.add(held * width) };
            first = false;
        }
    }
}
