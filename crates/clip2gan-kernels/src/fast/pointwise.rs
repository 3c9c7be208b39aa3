//! 1×1 convolution: a matrix product, the pieces of whose maps are brought together first.

use std::mem::MaybeUninit;
use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::finish::Finish;
use super::instructions::{chosen, vectorised};
use super::pack::Maps;
use super::panels::{Sums, tile};
use super::scratch::{Scratch, take};
use super::weight::Weight;
use super::{SharedMut, to_write, unwritten, written};

/// Pixels of a block: a multiple of every register tile's width (2 or 3 vectors of at most 16 lanes).
pub const BLOCK: usize = 192;

/// A matrix `[out][in]`.
pub struct Matrix {
    pub values: Vec<f32>,
    pub outs: usize,
    pub ins: usize,
}

impl Matrix {
    /// The weight of a 1 × 1 convolution.
    pub fn new(weight: Weight) -> Self {
        let [outs, ins] = weight.channels();
        let places = (0..outs).flat_map(|o| (0..ins).map(move |i| (o, i)));
        Self {
            values: places.map(|(o, i)| weight.at(o, i, 0, 0)).collect(),
            outs,
            ins,
        }
    }

    /// Convolves maps; `finish` is for the result.
    pub fn convolve(&self, x: Maps, finish: Option<Finish>) -> Vec<f32> {
        let [images, channels, height, width] = x.shape;
        assert_eq!(channels, self.ins, "channels of the maps");
        let (size, outs) = (height * width, self.outs);
        let mut out = unwritten(images * outs * size);
        let shared = SharedMut(out.as_mut_ptr().cast());
        let pixels = images * size;
        let blocks = pixels.div_ceil(BLOCK);
        // Few pixels: share out the channels as well.
        let shares = rayon::current_num_threads().div_ceil(blocks).clamp(1, outs);
        (0..blocks * shares).into_par_iter().for_each(|task| {
            let (start, share) = (task / shares * BLOCK, task % shares);
            let held = outs * share / shares..outs * (share + 1) / shares;
            let count = BLOCK.min(pixels - start);
            let mut sums =
                self.multiply(&gather(x, start, count, BLOCK), BLOCK, held.clone(), count);
            for (o, sums) in held.zip(sums.chunks_exact_mut(BLOCK)) {
                for (image, pixel, places) in runs(size, start, count) {
                    let (plane, values) = (image * outs + o, &mut sums[places]);
                    if let Some(finish) = &finish {
                        finish.apply(plane, pixel, values);
                    }
                    // SAFETY: `out` outlives the loop, and each piece of a plane belongs to one task.
                    unsafe {
                        let to = shared.get().add(plane * size + pixel);
                        std::ptr::copy_nonoverlapping(values.as_ptr(), to, values.len());
                    }
                }
            }
        });
        // SAFETY: the tasks cover every plane of every image.
        unsafe { written(out) }
    }

    /// The outputs `held` of the first `count` pixels of a block, whose lines are `apart`; `[out][apart]`.
    pub fn multiply(
        &self,
        block: &[f32],
        apart: usize,
        held: Range<usize>,
        count: usize,
    ) -> Scratch {
        let instructions = chosen();
        let tile = tile(instructions);
        let mut sums = take(held.len().next_multiple_of(tile.0) * apart);
        instructions.dispatch(Block {
            matrix: self,
            block,
            apart,
            held,
            count,
            tile,
            sums: &mut sums,
        });
        sums
    }
}

/// A block of pixels, all images one after the other: `count` from `start` on, in lines `apart`, one for each channel.
pub fn gather(x: Maps, start: usize, count: usize, apart: usize) -> Scratch {
    let [_, channels, height, width] = x.shape;
    let mut block = take(channels * apart);
    for (channel, line) in block.chunks_exact_mut(apart).enumerate() {
        for (image, pixel, places) in runs(height * width, start, count) {
            let (plane, scale) = x.plane(image, channel);
            let from = &plane[pixel..][..places.len()];
            scaled(&mut to_write(line)[places], from, scale);
        }
        // The rest of the last tile: nobody reads what becomes of it, but it is read.
        line[count..].fill(0.0);
    }
    block
}

/// The pieces of maps of `size` that `count` pixels from `start` on are: image, first pixel, and places in the block.
fn runs(
    size: usize,
    start: usize,
    count: usize,
) -> impl Iterator<Item = (usize, usize, Range<usize>)> {
    let mut place = 0;
    std::iter::from_fn(move || {
        let (image, pixel) = ((start + place) / size, (start + place) % size);
        let from = place;
        place += (size - pixel).min(count - place);
        (place > from).then_some((image, pixel, from..place))
    })
}

vectorised! {
    fn scaled<'a>(to: &'a mut [MaybeUninit<f32>], from: &'a [f32], scale: f32) {
        for (to, &value) in to.iter_mut().zip(from) {
            to.write(value * scale);
        }
    }
}

/// Some outputs of one block.
struct Block<'a> {
    matrix: &'a Matrix,
    /// `[in][apart]`
    block: &'a [f32],
    apart: usize,
    held: Range<usize>,
    /// Pixels that are asked for; a register tile may go past the last of them, up to the line's end.
    count: usize,
    tile: (usize, usize),
    /// `[out][apart]`, whole tiles
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
        let Self { held, apart, .. } = self;
        let Matrix { values, ins, .. } = self.matrix;
        let width = VECTORS * S::F32_LANES;
        assert_eq!(self.tile, (ROWS, width), "the tile of these instructions");
        assert!(self.count.next_multiple_of(width) <= apart);
        assert_eq!(self.block.len(), ins * apart);
        assert_eq!(self.sums.len(), held.len().next_multiple_of(ROWS) * apart);
        for place in (0..self.count).step_by(width) {
            let sums = self.sums.chunks_exact_mut(ROWS * apart);
            for (first, sums) in held.clone().step_by(ROWS).zip(sums) {
                // Past the last output, the last one again: nobody reads what becomes of it.
                let rows = std::array::from_fn(|row| {
                    let o = (first + row).min(held.end - 1);
                    values[o * ins..][..*ins].as_ptr()
                });
                // SAFETY: the assertions bound the block and the sums; the slices just taken, the rows.
                unsafe {
                    let mut tile = Sums::<S, ROWS, VECTORS>::zero(simd);
                    let x = self.block.as_ptr().add(place);
                    tile.add::<1>(simd, (x, apart), rows, *ins);
                    tile.store(sums.as_mut_ptr().add(place), apart);
                }
            }
        }
    }
}
