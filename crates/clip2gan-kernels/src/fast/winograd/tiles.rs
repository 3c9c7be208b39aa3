//! Maps as tiles of 4 × 4 pixels.

use super::BLOCK;
use crate::fast::pack::Maps;

/// Side of the square of inputs that a tile of outputs needs: one pixel more on each side.
pub const SIDE: usize = 6;

/// The tiles of a batch, one after the other.
#[derive(Clone, Copy)]
pub struct Tiles {
    pub images: usize,
    pub rows: usize,
    pub columns: usize,
}

/// Tiles that stand side by side in one row of a map.
pub struct Run {
    /// Place of the first of them in its block.
    pub place: usize,
    pub count: usize,
    pub image: usize,
    /// Row and column of the first of them, in tiles.
    pub row: usize,
    pub column: usize,
}

impl Tiles {
    pub fn len(self) -> usize {
        self.images * self.rows * self.columns
    }

    /// The runs that `count` tiles from `start` on consist of.
    #[inline(always)]
    pub fn runs(self, start: usize, count: usize) -> impl Iterator<Item = Run> {
        let mut place = 0;
        std::iter::from_fn(move || {
            if place == count {
                return None;
            }
            let at = start + place;
            let column = at % self.columns;
            let run = Run {
                place,
                count: (self.columns - column).min(count - place),
                image: at / (self.rows * self.columns),
                row: at / self.columns % self.rows,
                column,
            };
            place += run.count;
            Some(run)
        })
    }
}

/// Lays out the inputs of a block's tiles, of one channel: line `6·y + x` of `lines` `[36][BLOCK]` holds, at the place of tile
/// (r, c), the pixel (4r + y − 1, 4c + x − 1), zero outside the map.
#[inline(always)]
pub fn gather(
    x: &Maps,
    channel: usize,
    tiles: Tiles,
    start: usize,
    count: usize,
    lines: &mut [f32],
) {
    let [_, _, height, width] = x.shape;
    for run in tiles.runs(start, count) {
        let (map, scale) = x.plane(run.image, channel);
        for (y, lines) in lines.chunks_exact_mut(SIDE * BLOCK).enumerate() {
            let row = (4 * run.row + y).checked_sub(1).filter(|&row| row < height);
            let row = row.map_or(&[][..], |row| &map[row * width..][..width]);
            deal(row, scale, &run, lines);
        }
    }
}

/// Lays out a block's tiles themselves, of one channel: line `4·y + x` of `lines` `[16][BLOCK]` holds, at the place of tile (r, c), the
/// pixel (4r + y, 4c + x), zero outside the map.
#[inline(always)]
pub fn gather_own(
    x: &Maps,
    channel: usize,
    tiles: Tiles,
    start: usize,
    count: usize,
    lines: &mut [f32],
) {
    let [_, _, height, width] = x.shape;
    for run in tiles.runs(start, count) {
        let (map, scale) = x.plane(run.image, channel);
        for (y, lines) in lines.chunks_exact_mut(4 * BLOCK).take(4).enumerate() {
            let row = Some(4 * run.row + y).filter(|&row| row < height);
            let row = row.map_or(&[][..], |row| &map[row * width..][..width]);
            deal_own(row, scale, &run, &mut lines_of(&run, lines));
        }
    }
}

/// A run's places in the lines of a row.
#[inline(always)]
fn lines_of<'a, const N: usize>(run: &Run, lines: &'a mut [f32]) -> [&'a mut [f32]; N] {
    let mut lines = lines
        .chunks_exact_mut(BLOCK)
        .map(|line| &mut line[run.place..][..run.count]);
    std::array::from_fn(|_| lines.next().expect("a row's lines"))
}

/// Deals the pixels of a row, times `scale`, to the six lines of a run's tiles; an empty row is one of zeros.
#[inline(always)]
fn deal(row: &[f32], scale: f32, run: &Run, lines: &mut [f32]) {
    let [left, a, b, c, d, right] = lines_of(run, lines);
    deal_own(row, scale, run, &mut [&mut *a, b, c, &mut *d]);
    let pixel = |at: usize| row.get(at).map_or(0.0, |value| value * scale);
    let first = 4 * run.column;
    // A tile's outermost pixels are its neighbours' nearest.
    let last = run.count - 1;
    left[0] = first.checked_sub(1).map_or(0.0, pixel);
    left[1..].copy_from_slice(&d[..last]);
    right[..last].copy_from_slice(&a[1..]);
    right[last] = pixel(first + 4 * run.count);
}

/// The same for the four lines of the tiles' own pixels.
#[inline(always)]
fn deal_own(row: &[f32], scale: f32, run: &Run, [a, b, c, d]: &mut [&mut [f32]; 4]) {
    let pixel = |at: usize| row.get(at).map_or(0.0, |value| value * scale);
    let first = 4 * run.column;
    let (fours, _) = row.get(first..).unwrap_or(&[]).as_chunks::<4>();
    let whole = fours.len().min(run.count);
    for (t, four) in fours[..whole].iter().enumerate() {
        a[t] = four[0] * scale;
        b[t] = four[1] * scale;
        c[t] = four[2] * scale;
        d[t] = four[3] * scale;
    }
    for t in whole..run.count {
        for (x, line) in [&mut *a, b, c, d].into_iter().enumerate() {
            line[t] = pixel(first + 4 * t + x);
        }
    }
}
