//! `out[o, p] = Σ_tap Σ_i weight[o, i, tap] · line_i[p + offset(tap)]` in register tiles.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::grid::BLOCK;
use super::instructions::{Chosen, chosen};
use super::pack::Lines;
use super::scratch::take;

/// Output channels in a register tile. Eight rows of three vectors use 28 of 32 registers, six rows of two use 15 of
/// 16; a tile that needs every register makes the compiler spill.
pub fn tile_rows(registers: usize, out_channels: usize) -> usize {
    match (registers >= 32, out_channels) {
        (_, ..=4) => 4,
        (true, _) => 8,
        (false, _) => 6,
    }
}

/// A weight in register tiles: `[tile][in channel][tap][row of tile]`, rows past the last channel zero.
pub struct Packed {
    values: Vec<f32>,
    out_channels: usize,
    tile: usize,
    /// What the tile was chosen for, and so what it must run on.
    instructions: Chosen,
}

impl Packed {
    /// Packs `weight(o, i, tap)`.
    pub fn new(
        [out_channels, in_channels, taps]: [usize; 3],
        weight: impl Fn(usize, usize, usize) -> f32 + Sync,
    ) -> Self {
        let instructions = chosen();
        let tile = tile_rows(register_count(instructions), out_channels);
        let mut values = vec![0.0; out_channels.div_ceil(tile) * in_channels * taps * tile];
        values
            .par_chunks_exact_mut(in_channels * taps * tile)
            .enumerate()
            .for_each(|(index, values)| {
                let first = index * tile;
                let held = tile.min(out_channels - first);
                for (at, values) in values.chunks_exact_mut(tile).enumerate() {
                    for (row, value) in values[..held].iter_mut().enumerate() {
                        *value = weight(first + row, at / taps, at % taps);
                    }
                }
            });
        Self {
            values,
            out_channels,
            tile,
            instructions,
        }
    }

    fn tiles(&self) -> usize {
        self.out_channels.div_ceil(self.tile)
    }
}

/// Output channels that share their taps.
pub struct Group<'a> {
    /// Offset of each tap from the start of a channel's lines.
    pub offsets: Vec<usize>,
    pub weight: &'a Packed,
}

/// Runs all sets of groups over `places` places and hands each finished piece of a row, of every group of a set, to
/// `write(set, out channel, first place, values)`; pieces may come from several threads at once. The groups of a set have as many
/// output channels.
pub fn multiply<const N: usize>(
    lines: &Lines,
    sets: &[[Group; N]],
    places: usize,
    write: impl Fn(usize, usize, usize, [&[f32]; N]) + Sync,
) {
    let blocks = places.div_ceil(BLOCK);
    // Few places (small maps, one image): share out the rows as well.
    let wanted = 4 * rayon::current_num_threads();
    let most_tiles = sets
        .iter()
        .flatten()
        .map(|group| group.weight.tiles())
        .max()
        .unwrap_or(1);
    let shares = wanted.div_ceil(blocks).clamp(1, most_tiles);
    (0..blocks * sets.len() * shares)
        .into_par_iter()
        .for_each(|task| {
            let (block, rest) = (task / (sets.len() * shares), task % (sets.len() * shares));
            let (index, share) = (rest / shares, rest % shares);
            let Some(Group { weight, .. }) = sets[index].first() else {
                return;
            };
            let tiles = weight.tiles() * share / shares..weight.tiles() * (share + 1) / shares;
            if tiles.is_empty() {
                return;
            }
            let start = block * BLOCK;
            let count = BLOCK.min(places - start);
            let size = tiles.len() * weight.tile * BLOCK;
            let mut sums = take(N * size);
            for (group, sums) in sets[index].iter().zip(sums.chunks_exact_mut(size)) {
                group.weight.instructions.dispatch(Block {
                    lines,
                    group,
                    tiles: tiles.clone(),
                    start,
                    count,
                    sums,
                });
            }
            let first = tiles.start * weight.tile;
            let last = (tiles.end * weight.tile).min(weight.out_channels);
            for o in first..last {
                let row = |group| &sums[group * size + (o - first) * BLOCK..][..count];
                write(index, o, start, std::array::from_fn(row));
            }
        });
}

/// One block of places, some tiles of one group.
struct Block<'a> {
    lines: &'a Lines,
    group: &'a Group<'a>,
    tiles: std::ops::Range<usize>,
    start: usize,
    /// Places that are asked for; a tile may go past the last of them, up to the block's end.
    count: usize,
    sums: &'a mut [f32],
}

impl WithSimd for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.group.weight.tile {
            8 => self.run::<S, 8, 3>(simd),
            6 => self.run::<S, 6, 2>(simd),
            _ => self.run::<S, 4, 2>(simd),
        }
    }
}

impl Block<'_> {
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let Lines {
            channels, stride, ..
        } = *self.lines;
        let taps = self.group.offsets.len();
        // So many input channels at a time that their windows stay in the first-level cache.
        let depth = if taps >= 3 { 32 } else { 128 };
        let width = VECTORS * S::F32_LANES;
        let furthest = self.group.offsets.iter().max().copied().unwrap_or(0);
        assert!((channels - 1) * stride + furthest + self.start + BLOCK <= self.lines.data.len());
        assert!(self.sums.len() >= self.tiles.len() * ROWS * BLOCK);
        assert!(self.group.weight.values.len() >= self.tiles.end * channels * taps * ROWS);
        for from in (0..channels).step_by(depth) {
            let held = depth.min(channels - from);
            for place in (0..self.count).step_by(width) {
                for (row, tile) in self.tiles.clone().enumerate() {
                    // SAFETY: the three assertions above bound every access of the tile.
                    unsafe {
                        let input = self
                            .lines
                            .data
                            .as_ptr()
                            .add(from * stride + self.start + place);
                        let weight = self.group.weight.values.as_ptr();
                        let weight = weight.add((tile * channels + from) * taps * ROWS);
                        let sums = self.sums.as_mut_ptr().add(row * ROWS * BLOCK + place);
                        let offsets = &self.group.offsets;
                        tile_sum::<S, ROWS, VECTORS>(
                            simd,
                            input,
                            stride,
                            held,
                            offsets,
                            weight,
                            sums,
                            from == 0,
                        );
                    }
                }
            }
        }
    }
}

/// Adds `count` input channels to a tile of `ROWS` × `VECTORS` vectors (or starts it).
///
/// # Safety
/// `input + i·stride + offset` must be readable for a tile's width, `weight` for `count · taps · ROWS` floats, and
/// `sums + r·BLOCK` writable for a tile's width.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn tile_sum<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    mut input: *const f32,
    stride: usize,
    count: usize,
    offsets: &[usize],
    mut weight: *const f32,
    sums: *mut f32,
    first: bool,
) {
    // SAFETY: the caller's promise covers every pointer below.
    unsafe {
        let mut sum = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
        if !first {
            for (r, row) in sum.iter_mut().enumerate() {
                for (v, value) in row.iter_mut().enumerate() {
                    *value = load::<S>(sums.add(r * BLOCK + v * S::F32_LANES));
                }
            }
        }
        for _ in 0..count {
            for &offset in offsets {
                let at = input.add(offset);
                let mut x = [simd.splat_f32s(0.0); VECTORS];
                for (v, x) in x.iter_mut().enumerate() {
                    *x = load::<S>(at.add(v * S::F32_LANES));
                }
                for (r, row) in sum.iter_mut().enumerate() {
                    let w = simd.splat_f32s(*weight.add(r));
                    for (value, x) in row.iter_mut().zip(x) {
                        *value = simd.mul_add_e_f32s(w, x, *value);
                    }
                }
                weight = weight.add(ROWS);
            }
            input = input.add(stride);
        }
        for (r, row) in sum.iter().enumerate() {
            for (v, value) in row.iter().enumerate() {
                store::<S>(sums.add(r * BLOCK + v * S::F32_LANES), *value);
            }
        }
    }
}

/// # Safety
/// A vector must be readable at `at`.
#[inline(always)]
pub unsafe fn load<S: Simd>(at: *const f32) -> S::f32s {
    // SAFETY: the caller's promise; vectors are plain data.
    unsafe { (at as *const S::f32s).read_unaligned() }
}

/// # Safety
/// A vector must be writable at `at`.
#[inline(always)]
pub unsafe fn store<S: Simd>(at: *mut f32, value: S::f32s) {
    // SAFETY: the caller's promise; vectors are plain data.
    unsafe { (at as *mut S::f32s).write_unaligned(value) }
}

/// Vector registers of an instruction set.
pub fn register_count(instructions: Chosen) -> usize {
    struct Count;
    impl WithSimd for Count {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::REGISTER_COUNT
        }
    }
    instructions.dispatch(Count)
}
