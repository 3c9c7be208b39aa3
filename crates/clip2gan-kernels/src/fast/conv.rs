//! The three convolutions of StyleGAN2 and their gradients.
//!
//! The gradient of each with respect to its input is another of the three, with the channels of the weight exchanged:
//! `Same` ↔ `Same` (flipped), `Down` ↔ `Up`. So two routines and one correlation serve all nine derivatives.

use super::correlate::correlate;
use super::grid::Grid;
use super::multiply::{Group, multiply};
use super::pack::{pack, pack_phases};
use super::winograd;
use super::{SharedMut, unwritten, written};

/// Which convolution; the shapes are those of [`conv2d`](crate::conv2d), [`conv2d_down`](crate::conv2d_down) and
/// [`conv2d_up`](crate::conv2d_up).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Stride 1, size kept.
    Same,
    /// Stride 2, no padding.
    Down,
    /// Transposed, stride 2, no padding.
    Up,
}

impl Kind {
    /// The convolution that carries gradients back from the output to the input.
    pub fn adjoint(self) -> Self {
        match self {
            Self::Same => Self::Same,
            Self::Down => Self::Up,
            Self::Up => Self::Down,
        }
    }

    /// Output height or width for an input height or width.
    pub fn output_size(self, input: usize) -> usize {
        match self {
            Self::Same => input,
            Self::Down => (input - 1) / 2,
            Self::Up => 2 * input + 1,
        }
    }
}

/// Batch, channels, height, width.
pub type Shape = [usize; 4];

/// A weight `[out, in, k, k]`, or its transpose (and flip) when gradients are carried back.
#[derive(Clone, Copy)]
pub struct Weight<'a> {
    values: &'a [f32],
    out_channels: usize,
    in_channels: usize,
    size: usize,
    adjoint: bool,
    flip: bool,
}

impl<'a> Weight<'a> {
    /// `values` `[out, in, size, size]`.
    pub fn new(values: &'a [f32], [out_channels, in_channels, size, _]: Shape) -> Self {
        Self {
            values,
            out_channels,
            in_channels,
            size,
            adjoint: false,
            flip: false,
        }
    }

    /// The weight of the adjoint of a convolution of this `kind`.
    pub fn adjoint(self, kind: Kind) -> Self {
        Self {
            out_channels: self.in_channels,
            in_channels: self.out_channels,
            adjoint: true,
            flip: kind == Kind::Same,
            ..self
        }
    }

    /// Channels of the output.
    pub fn out_channels(&self) -> usize {
        self.out_channels
    }

    /// One number of the weight as the convolution sees it.
    pub fn at(&self, o: usize, i: usize, y: usize, x: usize) -> f32 {
        let (o, i, ins) = match self.adjoint {
            false => (o, i, self.in_channels),
            true => (i, o, self.out_channels),
        };
        let taps = self.size * self.size;
        let tap = y * self.size + x;
        let tap = if self.flip { taps - 1 - tap } else { tap };
        self.values[(o * ins + i) * taps + tap]
    }
}

/// Convolves `x` of the given shape; the output's shape follows from [`Kind::output_size`].
pub fn convolve(kind: Kind, x: &[f32], shape: Shape, weight: Weight) -> Vec<f32> {
    let [images, channels, height, width] = shape;
    if kind == Kind::Same && weight.size == 3 && winograd::pays(shape, weight.out_channels) {
        return winograd::convolve(x, shape, weight);
    }
    let (out_height, out_width) = (kind.output_size(height), kind.output_size(width));
    let size = out_height * out_width;
    let mut out = unwritten(images * weight.out_channels * size);
    let shared = SharedMut(out.as_mut_ptr().cast());
    let outs = weight.out_channels;
    match kind {
        Kind::Same | Kind::Down => {
            let (lines, grid) = match kind {
                Kind::Same => {
                    let grid = Grid {
                        images,
                        height,
                        width,
                    };
                    (pack(x, channels, grid), grid)
                }
                _ => {
                    let grid = Grid {
                        images,
                        height: out_height,
                        width: out_width,
                    };
                    (pack_phases(x, channels, grid), grid)
                }
            };
            let k = weight.size;
            let group = Group::new(outs, channels, offsets(kind, k, grid), |o, i, tap| {
                weight.at(o, i, tap / k, tap % k)
            });
            multiply(&lines, &[group], grid.len(), |_, o, start, values| {
                for_each_run(
                    grid,
                    grid.height,
                    grid.width,
                    start,
                    values,
                    |n, r, c, run| {
                        let at = ((n * outs + o) * grid.height + r) * grid.width + c;
                        // SAFETY: places are written once, by the task that holds them; `at + run.len()` is inside `out`.
                        unsafe { copy(run, shared.get().add(at)) }
                    },
                );
            });
        }
        Kind::Up => {
            let grid = Grid {
                images,
                height,
                width,
            };
            let lines = pack(x, channels, grid);
            let phases: Vec<_> = (0..4)
                .map(|phase| up_taps(phase / 2, phase % 2, grid))
                .collect();
            let groups: Vec<Group> = phases
                .iter()
                .map(|taps| {
                    let offsets = taps.iter().map(|tap| tap.2).collect();
                    Group::new(outs, channels, offsets, |o, i, tap| {
                        weight.at(o, i, taps[tap].0, taps[tap].1)
                    })
                })
                .collect();
            multiply(&lines, &groups, grid.len(), |phase, o, start, values| {
                let (odd_row, odd_column) = (phase / 2, phase % 2);
                let (rows, columns) = (height + 1 - odd_row, width + 1 - odd_column);
                for_each_run(grid, rows, columns, start, values, |n, r, c, run| {
                    let row = (n * outs + o) * out_height + 2 * r + odd_row;
                    let at = row * out_width + 2 * c + odd_column;
                    for (step, &value) in run.iter().enumerate() {
                        // SAFETY: as above; phases write different places.
                        unsafe { *shared.get().add(at + 2 * step) = value }
                    }
                });
            });
        }
    }
    // SAFETY: the grid holds every pixel of the output, and `Up`'s four phases make up the whole map.
    unsafe { written(out) }
}

/// Gradient of the weight `[out, in, k, k]` of a convolution of `x`, given the gradient of its output.
pub fn weight_gradient(
    kind: Kind,
    x: &[f32],
    [images, channels, height, width]: Shape,
    grad: &[f32],
    out_channels: usize,
    k: usize,
) -> Vec<f32> {
    match kind {
        Kind::Same => {
            let grid = Grid {
                images,
                height,
                width,
            };
            let (left, right) = (pack(grad, out_channels, grid), pack(x, channels, grid));
            correlate(
                &left,
                grid.lead(),
                &right,
                &offsets(kind, k, grid),
                grid.len(),
            )
        }
        Kind::Down => {
            let grid = Grid {
                images,
                height: kind.output_size(height),
                width: kind.output_size(width),
            };
            let (left, right) = (
                pack(grad, out_channels, grid),
                pack_phases(x, channels, grid),
            );
            correlate(
                &left,
                grid.lead(),
                &right,
                &offsets(kind, k, grid),
                grid.len(),
            )
        }
        Kind::Up => {
            // The transposed convolution is the adjoint of `Down`: input and output gradient change places.
            let grid = Grid {
                images,
                height,
                width,
            };
            let (left, right) = (
                pack(x, channels, grid),
                pack_phases(grad, out_channels, grid),
            );
            let taps = offsets(Kind::Down, k, grid);
            let transposed = correlate(&left, grid.lead(), &right, &taps, grid.len());
            swap_channels(&transposed, channels, out_channels, k * k)
        }
    }
}

/// Offsets of the k² taps from the start of a channel's lines, for `Same` and `Down`.
fn offsets(kind: Kind, k: usize, grid: Grid) -> Vec<usize> {
    let taps = (0..k).flat_map(|y| (0..k).map(move |x| (y, x)));
    match kind {
        Kind::Down => taps
            .map(|(y, x)| {
                let phase = 2 * (y % 2) + x % 2;
                phase * grid.plane() + grid.lead() + (y / 2) * grid.row() + x / 2
            })
            .collect(),
        _ => taps
            .map(|(y, x)| grid.lead() + y * grid.row() + x - (k / 2) * (grid.row() + 1))
            .collect(),
    }
}

/// The taps (row, column, offset) that meet at output pixels of one parity of row and column.
fn up_taps(odd_row: usize, odd_column: usize, grid: Grid) -> Vec<(usize, usize, usize)> {
    let along = |odd: usize| if odd == 1 { vec![1] } else { vec![0, 2] };
    let mut taps = Vec::with_capacity(4);
    for y in along(odd_row) {
        for x in along(odd_column) {
            taps.push((y, x, grid.lead() - (y / 2) * grid.row() - x / 2));
        }
    }
    taps
}

/// Cuts `values`, which stand at places `start..`, into runs inside rows: calls `run(image, row, column, values)` for
/// those in the first `rows` rows and `columns` columns of each image.
fn for_each_run(
    grid: Grid,
    rows: usize,
    columns: usize,
    start: usize,
    values: &[f32],
    mut run: impl FnMut(usize, usize, usize, &[f32]),
) {
    let mut done = 0;
    while done < values.len() {
        let place = start + done;
        let (image, within) = (place / grid.image(), place % grid.image());
        let (row, column) = (within / grid.row(), within % grid.row());
        let count = (grid.row() - column).min(values.len() - done);
        if row < rows && column < columns {
            run(
                image,
                row,
                column,
                &values[done..][..count.min(columns - column)],
            );
        }
        done += count;
    }
}

/// # Safety
/// `to` must be writable for `from.len()` floats that nobody else touches.
unsafe fn copy(from: &[f32], to: *mut f32) {
    // SAFETY: the caller's promise.
    unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), to, from.len()) }
}

/// `[a, b, taps]` → `[b, a, taps]`.
fn swap_channels(values: &[f32], a: usize, b: usize, taps: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(values.len());
    for j in 0..b {
        for i in 0..a {
            out.extend_from_slice(&values[(i * b + j) * taps..][..taps]);
        }
    }
    out
}
