//! 3×3 convolution as one matrix product: weights by the numbers that a pixel sees.
//!
//! The vectors run along the output channels, for which the weight is packed into panels; the rows of a tile are pixels, whose numbers
//! are read one by one where they stand. So strides cost nothing, small maps need not fill vectors, and tiles of pixels are turned
//! when they are done.

use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::conv::Kind;
use super::finish::Finish;
use super::grid::Grid;
use super::instructions::{Chosen, chosen};
use super::pack::{Maps, pack};
use super::panels::{Rows, Sums, tile, turn};
use super::scratch::take;
use super::seen::Seen;
use super::weight::Weight;
use super::{SharedMut, to_write, unwritten, written};

/// Pixels that one task works on: whole register tiles.
const BLOCK: usize = 96;

/// Summands of a tile that are gone through before the next tile: their weights stay in the first-level cache.
const DEPTH: usize = 32 * 9;

/// A weight in panels: `[panel][in channel][tap][out channel of panel]`, channels past the last zero.
pub struct Packed {
    panels: Vec<f32>,
    outs: usize,
    ins: usize,
    /// Whether taps stand in reverse order.
    flip: bool,
    /// What the panels were chosen for, and so what they must run on.
    instructions: Chosen,
}

impl Packed {
    pub fn new(weight: Weight) -> Self {
        let [outs, ins] = weight.channels();
        let instructions = chosen();
        let (_, width) = tile(instructions);
        let mut panels = unwritten(outs.div_ceil(width) * ins * 9 * width);
        panels
            .par_chunks_exact_mut(ins * 9 * width)
            .enumerate()
            .for_each(|(index, panel)| weight.pack(index, panel, width));
        Self {
            // SAFETY: packing writes whole panels.
            panels: unsafe { written(panels) },
            outs,
            ins,
            flip: weight.flipped(),
            instructions,
        }
    }

    /// The summands of a pixel.
    fn steps(&self, seen: &Seen) -> Vec<Step> {
        let (_, width) = tile(self.instructions);
        let step = |i: usize, tap: usize| Step {
            weight: (9 * i + if self.flip { 8 - tap } else { tap }) * width,
            number: i * seen.channel + seen.taps[tap],
        };
        (0..self.ins * 9).map(|at| step(at / 9, at % 9)).collect()
    }
}

/// Where a summand's weights stand in a panel, and its number, counted from the first that a pixel sees.
struct Step {
    weight: usize,
    number: usize,
}

/// Pixels of one row that follow one another.
struct Run {
    image: usize,
    row: usize,
    column: usize,
    /// Their places in a block.
    places: Range<usize>,
}

/// The runs that `count` pixels from `start` on consist of, all rows of all images one after the other.
fn runs([rows, columns]: [usize; 2], start: usize, count: usize) -> impl Iterator<Item = Run> {
    let mut place = 0;
    std::iter::from_fn(move || {
        let at = start + place;
        let column = at % columns;
        let length = (columns - column).min(count - place);
        let run = Run {
            image: at / columns / rows,
            row: at / columns % rows,
            column,
            places: place..place + length,
        };
        place += length;
        (length > 0).then_some(run)
    })
}

/// Convolves with a 3 × 3 kernel, not transposed; `finish` is for the result.
pub fn convolve(kind: Kind, x: Maps, weight: &Packed, finish: Option<Finish>) -> Vec<f32> {
    let [images, _, height, width] = x.shape;
    let lines;
    let seen = match kind {
        Kind::Same => {
            let grid = Grid {
                images,
                height,
                width,
            };
            lines = pack(x, grid);
            Seen::around(&lines, grid)
        }
        Kind::Down => Seen::plain(x, 3, 2),
        Kind::Up => unreachable!("a transposed convolution goes another way"),
    };
    let map = [height, width].map(|size| kind.output_size(size));
    weight.multiply(&seen, images, map, finish)
}

impl Packed {
    /// Sums of all taps over all channels, for each pixel of maps that see others.
    fn multiply(
        &self,
        seen: &Seen,
        images: usize,
        map: [usize; 2],
        finish: Option<Finish>,
    ) -> Vec<f32> {
        let Self {
            outs, instructions, ..
        } = *self;
        let [rows, columns] = map;
        let pixels = images * rows * columns;
        let mut out = unwritten(pixels * outs);
        let shared = SharedMut(out.as_mut_ptr().cast());
        let tile = tile(instructions);
        let (tile_rows, width) = tile;
        let panels = outs.div_ceil(width);
        let steps = self.steps(seen);
        let blocks = pixels.div_ceil(BLOCK);
        // Few pixels (small maps, one image): share out the channels as well.
        let shares = (2 * rayon::current_num_threads())
            .div_ceil(blocks)
            .clamp(1, panels);
        (0..blocks * shares).into_par_iter().for_each(|task| {
            let (start, share) = (task / shares * BLOCK, task % shares);
            let held = panels * share / shares..panels * (share + 1) / shares;
            let count = BLOCK.min(pixels - start);
            let padded = count.next_multiple_of(tile_rows);
            let bases = bases(seen, map, start, count);
            let mut sums = take(held.len() * padded * width);
            instructions.dispatch(Block {
                weight: self,
                values: seen.values,
                bases: &bases[..padded],
                steps: &steps,
                held: held.clone(),
                tile,
                sums: &mut sums,
            });
            let mut lines = take(width * BLOCK);
            for (panel, sums) in held.zip(sums.chunks_exact(padded * width)) {
                turn(Rows::whole(sums, width), width, to_write(&mut lines), BLOCK);
                let channels = panel * width..outs.min((panel + 1) * width);
                for (o, line) in channels.zip(lines.chunks_exact_mut(BLOCK)) {
                    for run in runs(map, start, count) {
                        let (plane, pixel) = (run.image * outs + o, run.row * columns + run.column);
                        let values = &mut line[run.places];
                        if let Some(finish) = &finish {
                            finish.apply(plane, pixel, values);
                        }
                        // SAFETY: `out` outlives the loop; runs lie inside rows of it, and no two have a pixel in common.
                        unsafe {
                            let to = shared.get().add(plane * rows * columns + pixel);
                            std::ptr::copy_nonoverlapping(values.as_ptr(), to, values.len());
                        }
                    }
                }
            }
        });
        // SAFETY: the tasks cover every pixel of every channel.
        unsafe { written(out) }
    }
}

/// The first number that each of `count` pixels from `start` on sees; past the last pixel, that of the last one again.
fn bases(seen: &Seen, map: [usize; 2], start: usize, count: usize) -> [usize; BLOCK] {
    let mut bases = [0; BLOCK];
    for run in runs(map, start, count) {
        let first = run.image * seen.image + run.row * seen.row + run.column * seen.step;
        for (base, at) in bases[run.places].iter_mut().zip(0..) {
            *base = first + at * seen.step;
        }
    }
    let last = bases[count - 1];
    bases[count..].fill(last);
    bases
}

/// One block of pixels, some panels of output channels.
struct Block<'a> {
    weight: &'a Packed,
    values: &'a [f32],
    /// The first number that each pixel may see; whole tiles.
    bases: &'a [usize],
    steps: &'a [Step],
    held: Range<usize>,
    tile: (usize, usize),
    /// `[panel][pixel][channel of panel]`
    sums: &'a mut [f32],
}

impl WithSimd for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.tile.0 {
            8 => self.run::<S, 8, 3>(simd),
            _ => self.run::<S, 6, 2>(simd),
        }
    }
}

impl Block<'_> {
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let width = VECTORS * S::F32_LANES;
        assert_eq!(self.tile, (ROWS, width), "the tile of these instructions");
        let furthest = |place: fn(&Step) -> usize| self.steps.iter().map(place).max().unwrap_or(0);
        let base = self.bases.iter().copied().max().unwrap_or(0);
        assert!(base + furthest(|step| step.number) < self.values.len());
        let panel = self.weight.ins * 9 * width;
        assert!(furthest(|step| step.weight) + width <= panel);
        assert!(self.held.end * panel <= self.weight.panels.len());
        let size = self.bases.len() * width;
        assert_eq!(self.sums.len(), self.held.len() * size);
        let bases = self.bases.as_chunks::<ROWS>().0;
        for (piece, steps) in self.steps.chunks(DEPTH).enumerate() {
            for (index, sums) in self.held.clone().zip(self.sums.chunks_exact_mut(size)) {
                for (bases, sums) in bases.iter().zip(sums.chunks_exact_mut(ROWS * width)) {
                    // SAFETY: the assertions bound the furthest number, the furthest weights and the sums.
                    unsafe {
                        let panel = self.weight.panels.as_ptr().add(index * panel);
                        let rows = bases.map(|base| self.values.as_ptr().add(base));
                        let mut tile = match piece {
                            0 => Sums::<S, ROWS, VECTORS>::zero(simd),
                            _ => Sums::load(sums.as_ptr(), width),
                        };
                        for step in steps {
                            let rows = rows.map(|row| row.add(step.number));
                            tile.add::<1>(simd, (panel.add(step.weight), width), rows, 1);
                        }
                        tile.store(sums.as_mut_ptr(), width);
                    }
                }
            }
        }
    }
}
