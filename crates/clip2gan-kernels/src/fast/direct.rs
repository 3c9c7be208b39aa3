//! Convolution as a sum of matrix products, one per tap, over shifted views of one padded map.

use super::conv::{Kind, Weight, offsets};
use super::finish::Finish;
use super::grid::Grid;
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
        let groups: Vec<Group> = packed
            .iter()
            .enumerate()
            .map(|(phase, weight)| {
                let offset = |(y, x)| grid.lead() - (y / 2) * grid.row() - x / 2;
                let offsets = up_taps(phase).into_iter().map(offset).collect();
                Group { offsets, weight }
            })
            .collect();
        let lines = pack(x, grid);
        multiply(&lines, &groups, grid.len(), |phase, o, start, values| {
            let (odd_row, odd_column) = (phase / 2, phase % 2);
            let (rows, columns) = (height + 1 - odd_row, width + 1 - odd_column);
            for_each_run(grid, rows, columns, start, values, |n, r, c, run| {
                let row = (n * outs + o) * out_height + 2 * r + odd_row;
                let at = row * out_width + 2 * c + odd_column;
                for (step, &value) in run.iter().enumerate() {
                    // SAFETY: places are written once, by the task that holds them; phases write different places.
                    unsafe { *shared.get().add(at + 2 * step) = value }
                }
            });
        });
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
        multiply(&lines, &[group], grid.len(), |_, o, start, values| {
            for_each_run(
                grid,
                out_height,
                out_width,
                start,
                values,
                |n, r, c, run| {
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
