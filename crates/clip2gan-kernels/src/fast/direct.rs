//! Convolution as a sum of matrix products, one per tap, over shifted views of one padded map.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::conv::{Kind, Weight, offsets};
use super::finish::Finish;
use super::grid::Grid;
use super::instructions::vectorised;
use super::multiply::{Group, Packed, multiply};
use super::pack::{Maps, pack, pack_phases};
use super::{SharedMut, unwritten, written};

/// The weight in register tiles: one, or one for each phase of [`Kind::Up`].
pub fn pack_weight(kind: Kind, weight: Weight) -> Vec<Packed> {
    let [outs, ins] = weight.channels();
    let k = weight.size();
    match kind {
        Kind::Same | Kind::Down => {
            let at = |o, i, tap| weight.at(o, i, tap / k, tap % k);
            vec![Packed::new([outs, ins, k * k], at)]
        }
        Kind::Up => (0..4)
            .map(|phase| {
                let taps = up_taps(phase);
                let at = |o, i, tap: usize| weight.at(o, i, taps[tap].0, taps[tap].1);
                Packed::new([outs, ins, taps.len()], at)
            })
            .collect(),
    }
}

/// Convolves with a kernel of `k` × `k`; `finish` is for the result, but not of [`Kind::Up`].
pub fn convolve(
    (kind, k): (Kind, usize),
    x: Maps,
    outs: usize,
    packed: &[Packed],
    finish: Option<Finish>,
) -> Vec<f32> {
    let [images, channels, height, width] = x.shape;
    let (out_height, out_width) = (kind.output_size(height), kind.output_size(width));
    let mut out = unwritten(images * outs * out_height * out_width);
    let shared = SharedMut(out.as_mut_ptr().cast());
    let grid = |height, width| Grid {
        images,
        height,
        width,
    };
    if kind == Kind::Up {
        assert!(finish.is_none(), "a transposed convolution has no epilogue");
        let grid = grid(height, width);
        let group = |phase| {
            let offset = |(y, x)| grid.lead() - (y / 2) * grid.row() - x / 2;
            Group {
                offsets: up_taps(phase).into_iter().map(offset).collect(),
                weight: &packed[phase],
            }
        };
        // Even and odd columns come together: what stands in turn is written in turn.
        let sets = [[group(0), group(1)], [group(2), group(3)]];
        let lines = pack(x, grid);
        multiply(
            &lines,
            &sets,
            grid.len(),
            |odd, o, start, [even, uneven]| {
                let (rows, columns) = (height + 1 - odd, width + 1);
                for_each_run(grid, rows, columns, start, even.len(), |n, r, c, run| {
                    let row = (n * outs + o) * out_height + 2 * r + odd;
                    // The last column is an even one.
                    let count = (2 * run.len()).min(out_width - 2 * c);
                    // SAFETY: places are written once, by the task that holds them; the run ends inside its row of `out`.
                    let to = unsafe {
                        let to = shared.get().add(row * out_width + 2 * c).cast();
                        std::slice::from_raw_parts_mut(to, count)
                    };
                    alternate(to, &even[run.clone()], &uneven[run]);
                });
            },
        );
    } else {
        let grid = grid(out_height, out_width);
        let lines = match kind {
            Kind::Same => pack(x, grid),
            _ => pack_phases(x.values, channels, grid),
        };
        let group = Group {
            offsets: offsets(kind, k, grid),
            weight: &packed[0],
        };
        multiply(&lines, &[[group]], grid.len(), |_, o, start, [values]| {
            for_each_run(
                grid,
                out_height,
                out_width,
                start,
                values.len(),
                |n, r, c, run| {
                    let run = &values[run];
                    let (plane, pixel) = (n * outs + o, r * out_width + c);
                    // SAFETY: places are written once, by the task that holds them; the run ends inside its row of `out`.
                    let to = unsafe {
                        let to = shared.get().add(plane * out_height * out_width + pixel);
                        std::ptr::copy_nonoverlapping(run.as_ptr(), to, run.len());
                        std::slice::from_raw_parts_mut(to, run.len())
                    };
                    if let Some(finish) = &finish {
                        finish.apply(plane, pixel, to);
                    }
                },
            );
        });
    }
    // SAFETY: the grid holds every pixel of the output, and `Up`'s four phases make up the whole map.
    unsafe { written(out) }
}

/// The taps (row, column) that meet at output pixels of one parity of row and column.
fn up_taps(phase: usize) -> Vec<(usize, usize)> {
    let along = |odd: usize| if odd == 1 { vec![1] } else { vec![0, 2] };
    let columns = along(phase % 2);
    let row = |y| columns.iter().map(move |&x| (y, x));
    along(phase / 2).into_iter().flat_map(row).collect()
}

vectorised! {
    /// One of each in turn.
    fn alternate<'a>(to: &'a mut [MaybeUninit<f32>], even: &'a [f32], odd: &'a [f32]) {
        let (pairs, last) = to.as_chunks_mut::<2>();
        if let ([last], Some(&value)) = (last, even.last()) {
            last.write(value);
        }
        for ((pair, &even), &odd) in pairs.iter_mut().zip(even).zip(odd) {
            *pair = [MaybeUninit::new(even), MaybeUninit::new(odd)];
        }
    }
}

/// Cuts `count` values, which stand at places `start..`, into runs inside rows: calls `run(image, row, column, values)` for
/// those in the first `rows` rows and `columns` columns of each image.
fn for_each_run(
    grid: Grid,
    rows: usize,
    columns: usize,
    start: usize,
    count: usize,
    mut run: impl FnMut(usize, usize, usize, Range<usize>),
) {
    let mut done = 0;
    while done < count {
        let place = start + done;
        let (image, within) = (place / grid.image(), place % grid.image());
        let (row, column) = (within / grid.row(), within % grid.row());
        let piece = (grid.row() - column).min(count - done);
        if row < rows && column < columns {
            run(image, row, column, done..done + piece.min(columns - column));
        }
        done += piece;
    }
}
