//! Small matrix products in registers: rows of one factor by panels of the other.
//!
//! A panel holds as many columns as a register tile is wide, `[k][column]`, so that the sum runs along memory; the rows are read where
//! they stand.

use std::mem::MaybeUninit;
use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::instructions::{Chosen, vectorised};

/// Summands of a tile that are gone through before the next tile: a panel of so many stays in the second-level cache.
const DEPTH: usize = 1024;

/// Rows and columns of a register tile.
pub fn tile(instructions: Chosen) -> (usize, usize) {
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

/// Rows that stand `stride` apart.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    pub values: &'a [f32],
    pub stride: usize,
    pub count: usize,
}

impl<'a> Rows<'a> {
    /// Rows that follow one another.
    pub fn whole(values: &'a [f32], stride: usize) -> Self {
        let count = values.len() / stride;
        Self {
            values,
            stride,
            count,
        }
    }

    /// The first `length` values of a row.
    pub fn row(&self, row: usize, length: usize) -> &'a [f32] {
        &self.values[row * self.stride..][..length]
    }

    /// A panel of `width` rows, `[k][row of panel]`; rows past the last are zero.
    pub fn pack(&self, index: usize, depth: usize, panel: &mut [MaybeUninit<f32>], width: usize) {
        let first = index * width;
        let count = width.min(self.count - first);
        if count < width {
            panel.fill(MaybeUninit::new(0.0));
        }
        let values = &self.values[first * self.stride..];
        let held = Rows {
            values,
            count,
            stride: self.stride,
        };
        turn(held, depth, panel, width);
    }
}

/// `sums[row, place] = Σ_k rows[row, k] · panels[place / width][k][place % width]`, for the panels `held`. `sums` has room for whole
/// tiles: what is past the last row is arbitrary.
pub struct Product<'a> {
    pub rows: Rows<'a>,
    /// `[panel][k][place]`.
    pub panels: &'a [f32],
    pub depth: usize,
    pub held: Range<usize>,
    /// The tile of the instructions that this runs on.
    pub tile: (usize, usize),
    /// Whether to add to what stands in `sums`.
    pub add: bool,
    pub sums: &'a mut [f32],
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.tile.0 {
            8 => self.run::<S, 8, 3>(simd),
            _ => self.run::<S, 6, 2>(simd),
        }
    }
}

impl Product<'_> {
    /// Where the piece of a panel stands that comes after this one.
    #[inline(always)]
    fn after(&self, panel: usize, from: usize) -> *const f32 {
        let (panel, from) = match panel + 1 < self.held.end {
            true => (panel + 1, from),
            false => (self.held.start, from + DEPTH),
        };
        let at = (panel * self.depth + from) * self.tile.1;
        self.panels.as_ptr().wrapping_add(at)
    }

    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let Self { rows, depth, .. } = self;
        let width = VECTORS * S::F32_LANES;
        let places = self.held.len() * width;
        assert_eq!(self.tile, (ROWS, width), "the tile of these instructions");
        assert!(self.panels.len() >= self.held.end * width * depth);
        assert!(self.sums.len() >= rows.count.next_multiple_of(ROWS) * places);
        for from in (0..depth).step_by(DEPTH) {
            let length = DEPTH.min(depth - from);
            for (place, panel) in self.held.clone().enumerate() {
                let mut ahead = self.after(panel, from);
                for tile in (0..rows.count).step_by(ROWS) {
                    // Past the last row, the last one again: nobody reads what becomes of it.
                    let mut pointers: [*const f32; ROWS] = std::array::from_fn(|row| {
                        let row = (tile + row).min(rows.count - 1);
                        rows.row(row, from + length)[from..].as_ptr()
                    });
                    // SAFETY: the assertions above bound the panel and the sums; the slices just taken, the rows.
                    unsafe {
                        let mut panel = self.panels.as_ptr().add((panel * depth + from) * width);
                        let to = self.sums.as_mut_ptr().add(tile * places + place * width);
                        let mut sums = match from == 0 && !self.add {
                            true => Sums::<S, ROWS, VECTORS>::zero(simd),
                            false => Sums::load(to, places),
                        };
                        // Panels come from memory once and are gone through many times: the next one can be on its way meanwhile.
                        let mut left = length;
                        while left > 0 {
                            prefetch(ahead);
                            ahead = ahead.wrapping_add(LINE);
                            let some = LINE.min(left);
                            sums.add::<1>(simd, (panel, width), pointers, some);
                            panel = panel.add(some * width);
                            pointers = pointers.map(|row| row.add(some));
                            left -= some;
                        }
                        sums.store(to, places);
                    }
                }
            }
        }
    }
}

/// A register tile of `ROWS` rows × `VECTORS` vectors.
pub struct Sums<S: Simd, const ROWS: usize, const VECTORS: usize>([[S::f32s; VECTORS]; ROWS]);

impl<S: Simd, const ROWS: usize, const VECTORS: usize> Sums<S, ROWS, VECTORS> {
    #[inline(always)]
    pub fn zero(simd: S) -> Self {
        Self([[simd.splat_f32s(0.0); VECTORS]; ROWS])
    }

    /// The tile that stands at `from`, rows `apart`.
    ///
    /// # Safety
    /// The whole tile must be readable.
    #[inline(always)]
    pub unsafe fn load(from: *const f32, apart: usize) -> Self {
        // SAFETY: the caller's promise.
        let at = |r: usize, v: usize| unsafe { load::<S>(from.add(r * apart + v * S::F32_LANES)) };
        Self(std::array::from_fn(|r| std::array::from_fn(|v| at(r, v))))
    }

    /// # Safety
    /// The whole tile must be writable.
    #[inline(always)]
    pub unsafe fn store(self, to: *mut f32, apart: usize) {
        for (r, row) in self.0.into_iter().enumerate() {
            for (v, value) in row.into_iter().enumerate() {
                // SAFETY: the caller's promise.
                unsafe { store::<S>(to.add(r * apart + v * S::F32_LANES), value) };
            }
        }
    }

    /// Adds `length` summands; those of the panel are `apart`, those of a row `STEP`.
    ///
    /// # Safety
    /// `VECTORS` vectors of `panel` must be readable at each of `length` places, and a float of each of `rows`.
    #[inline(always)]
    pub unsafe fn add<const STEP: usize>(
        &mut self,
        simd: S,
        (panel, apart): (*const f32, usize),
        rows: [*const f32; ROWS],
        length: usize,
    ) {
        for k in 0..length {
            // SAFETY: the caller's promise.
            unsafe {
                let at = panel.add(k * apart);
                let x: [_; VECTORS] = std::array::from_fn(|v| load::<S>(at.add(v * S::F32_LANES)));
                for (row, from) in self.0.iter_mut().zip(rows) {
                    let w = simd.splat_f32s(*from.add(k * STEP));
                    for (value, x) in row.iter_mut().zip(x) {
                        *value = simd.mul_add_e_f32s(w, x, *value);
                    }
                }
            }
        }
    }
}

/// Floats of a line of the cache.
const LINE: usize = 16;

/// Calls a line into the second-level cache; any address will do.
#[inline(always)]
fn prefetch(at: *const f32) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: a prefetch reads nothing that the program could see, and faults nowhere.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(at.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

/// Side of the blocks that [`turn`] works in.
const SIDE: usize = 8;

vectorised! {
    /// `out[k · stride + row] = x[row, k]` for the first `count` values of each row.
    pub fn turn<'a>(x: Rows<'a>, count: usize, out: &'a mut [MaybeUninit<f32>], stride: usize) {
        let rows = x.count;
        assert!(rows <= stride && count * stride <= out.len());
        let (whole_rows, whole_count) = (rows / SIDE * SIDE, count / SIDE * SIDE);
        for k in (0..whole_count).step_by(SIDE) {
            for row in (0..whole_rows).step_by(SIDE) {
                let mut block = [[0.0f32; SIDE]; SIDE];
                for (r, line) in block.iter_mut().enumerate() {
                    line.copy_from_slice(&x.row(row + r, k + SIDE)[k..]);
                }
                for i in 0..SIDE {
                    let column: [_; SIDE] = std::array::from_fn(|r| MaybeUninit::new(block[r][i]));
                    out[(k + i) * stride + row..][..SIDE].copy_from_slice(&column);
                }
            }
        }
        for row in 0..rows {
            let from = if row < whole_rows { whole_count } else { 0 };
            let values = x.row(row, count);
            for k in from..count {
                out[k * stride + row].write(values[k]);
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
