//! Separable upsample–filter–downsample, plane by plane: the rows of one output line are mixed first, then its columns.

use std::mem::MaybeUninit;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::finish::Finish;
use super::instructions::dispatch;
use super::{to_write, unwritten, written};
use crate::Resampling;

impl Resampling {
    /// Height or width after resampling; `axis` 0 is columns, 1 is rows.
    pub(crate) fn output_size(&self, input: usize, axis: usize) -> usize {
        let padded = input * self.up + self.pad[2 * axis] + self.pad[2 * axis + 1];
        (padded - self.taps.len()) / self.down + 1
    }

    /// The resampling that carries gradients back to an input of `height` × `width`, if it is one with padding of its
    /// own (and not with cropping).
    ///
    /// Up and down change places, the filter turns round; the padding follows from the two sizes.
    pub(crate) fn adjoint(&self, height: usize, width: usize) -> Option<Self> {
        let last = self.taps.len() - 1;
        let sides = |input: usize, axis: usize| {
            let before = last.checked_sub(self.pad[2 * axis])?;
            // (out·down + before + after − taps)/up + 1 must give `input` again.
            let covered = self.output_size(input, axis) * self.down + before;
            let after = ((input - 1) * self.up + self.taps.len()).checked_sub(covered)?;
            Some((before, after))
        };
        let ((x0, x1), (y0, y1)) = (sides(width, 0)?, sides(height, 1)?);
        Some(Self {
            taps: self.taps.iter().rev().copied().collect(),
            up: self.down,
            down: self.up,
            pad: [x0, x1, y0, y1],
            gain: self.gain,
        })
    }
}

/// Resamples maps of `height` × `width`, one after the other; `finish` is for the result.
pub fn resample(
    x: &[f32],
    [height, width]: [usize; 2],
    resampling: &Resampling,
    finish: Option<Finish>,
) -> Vec<f32> {
    let out_width = resampling.output_size(width, 0);
    let size = resampling.output_size(height, 1) * out_width;
    let upright = upright(resampling, height, width);
    let across = Across::new(resampling, width);
    let planes = x.len() / (height * width);
    let mut out = unwritten(planes * size);
    out.par_chunks_mut(size)
        .zip(x.par_chunks(height * width))
        .enumerate()
        .for_each_init(
            || [across.buffer(), across.buffer(), across.results()],
            |buffers, (plane, (out, x))| {
                dispatch(Plane {
                    x,
                    width,
                    out: &mut *out,
                    out_width,
                    upright: &upright,
                    across: &across,
                    buffers,
                });
                if let Some(finish) = &finish {
                    // SAFETY: the plane has just been written.
                    finish.apply(plane, 0, unsafe { out.assume_init_mut() });
                }
            },
        );
    // SAFETY: each plane was written row by row, to its end.
    unsafe { written(out) }
}

/// A tap, and where the numbers start that it is multiplied with.
type Part = (f32, usize);

/// What each row of the output is mixed of: taps and starts of rows. All of the gain goes to these; they are flipped, as a convolution's
/// are.
fn upright(resampling: &Resampling, height: usize, width: usize) -> Vec<Vec<Part>> {
    let Resampling { up, down, pad, .. } = *resampling;
    let parts = |y: usize| {
        let taps = resampling.taps.iter().rev().enumerate();
        let held = taps.filter_map(|(k, tap)| {
            let at = (y * down + k).checked_sub(pad[2])?;
            let row = Some(at / up).filter(|&row| at % up == 0 && row < height)?;
            Some((tap * resampling.gain, row * width))
        });
        held.collect()
    };
    (0..resampling.output_size(height, 1)).map(parts).collect()
}

/// How a row is filtered along its columns.
///
/// Column j of the output is `Σ_k tap_k · row[(j · down + k − pad) / up]` over the k for which that is whole. With up and down divided by
/// what they have in common, A and B, each A-th column has the same taps, and what these meet moves on by B: so there are A phases of
/// columns, and the row is dealt out into B lines, in which all steps are of one.
struct Across {
    phases: Vec<Phase>,
    /// B
    lines: usize,
    /// Length of a line.
    length: usize,
    /// Place of the row's first number before it is dealt out; what stands before and after the row is zero.
    start: usize,
}

struct Phase {
    /// Taps, and starts within the lines, one after the other.
    parts: Vec<Part>,
    /// Columns.
    count: usize,
}

impl Across {
    fn new(resampling: &Resampling, width: usize) -> Self {
        let Resampling { up, down, pad, .. } = *resampling;
        let divides = |&d: &usize| up.is_multiple_of(d) && down.is_multiple_of(d);
        let common = (1..=up.min(down)).rev().find(divides).unwrap_or(1);
        let (phases, lines) = (up / common, down / common);
        let start = pad[0].div_ceil(up);
        let out_width = resampling.output_size(width, 0);
        // Where a tap of a phase's first column stands in the padded row.
        let place = |phase: usize, k: usize| {
            let at = phase * down + k + start * up - pad[0];
            at.is_multiple_of(up).then_some(at / up)
        };
        let taps: Vec<f32> = resampling.taps.iter().rev().copied().collect();
        let places = |phase: usize| {
            let held = (0..taps.len()).filter_map(move |k| Some((k, place(phase, k)?)));
            held.collect::<Vec<_>>()
        };
        let count = |phase: usize| (out_width - phase.min(out_width)).div_ceil(phases);
        let ends = (0..phases).flat_map(|phase| {
            let ends = places(phase).into_iter();
            ends.map(move |(_, place)| place / lines + count(phase))
        });
        // The row itself must fit as well.
        let length = ends.chain([(start + width).div_ceil(lines)]).max();
        let length = length.unwrap_or(0);
        let phase = |phase: usize| Phase {
            parts: places(phase)
                .into_iter()
                .map(|(k, place)| (taps[k], place % lines * length + place / lines))
                .collect(),
            count: count(phase),
        };
        Self {
            phases: (0..phases).map(phase).collect(),
            lines,
            length,
            start,
        }
    }

    /// Room for all lines.
    fn buffer(&self) -> Vec<f32> {
        vec![0.0; self.lines * self.length]
    }

    /// Room for the columns of all phases.
    fn results(&self) -> Vec<f32> {
        vec![0.0; self.phases.iter().map(|phase| phase.count).sum()]
    }
}

/// One map.
struct Plane<'a> {
    x: &'a [f32],
    width: usize,
    out: &'a mut [MaybeUninit<f32>],
    out_width: usize,
    upright: &'a [Vec<Part>],
    across: &'a Across,
    /// A padded row, its lines, and the phases of the result.
    buffers: &'a mut [Vec<f32>; 3],
}

impl WithSimd for Plane<'_> {
    type Output = ();

    // Generic over the instruction set only to be compiled for each: the loops below vectorise by themselves.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Across {
            phases,
            lines: count,
            start,
            ..
        } = self.across;
        let [row, lines, results] = self.buffers;
        let rows = self.out.chunks_exact_mut(self.out_width);
        for (to, upright) in rows.zip(self.upright) {
            mix(to_write(&mut row[*start..][..self.width]), self.x, upright);
            let lines = match count {
                1 => &row[..],
                count => {
                    deal(row, lines, *count);
                    &lines[..]
                }
            };
            if let [phase] = &phases[..] {
                mix(to, lines, &phase.parts);
            } else {
                let mut rest = &mut results[..];
                for phase in phases {
                    let result;
                    (result, rest) = rest.split_at_mut(phase.count);
                    mix(to_write(result), lines, &phase.parts);
                }
                collect(to, results, phases.len());
            }
        }
    }
}

/// `lines[c][m] = row[m · count + c]`
#[inline(always)]
fn deal(row: &[f32], lines: &mut [f32], count: usize) {
    let length = lines.len() / count;
    if count == 2 {
        let (even, odd) = lines.split_at_mut(length);
        let pairs = row.as_chunks::<2>().0;
        for ((pair, even), odd) in pairs.iter().zip(even).zip(odd) {
            (*even, *odd) = (pair[0], pair[1]);
        }
    } else {
        for (c, line) in lines.chunks_exact_mut(length).enumerate() {
            for (to, from) in line.iter_mut().zip(row[c..].iter().step_by(count)) {
                *to = *from;
            }
        }
    }
}

/// One of each of `count` phases in turn; the first ones may be longer by one.
#[inline(always)]
fn collect(to: &mut [MaybeUninit<f32>], phases: &[f32], count: usize) {
    let mut rest = phases;
    if count == 2 {
        let (even, odd) = phases.split_at(phases.len().div_ceil(2));
        let (pairs, last) = to.as_chunks_mut::<2>();
        if let ([last], Some(&value)) = (last, even.last()) {
            last.write(value);
        }
        for ((pair, &even), &odd) in pairs.iter_mut().zip(even).zip(odd) {
            *pair = [MaybeUninit::new(even), MaybeUninit::new(odd)];
        }
    } else {
        for phase in 0..count.min(to.len()) {
            let values;
            (values, rest) = rest.split_at((to.len() - phase).div_ceil(count));
            for (to, &value) in to[phase..].iter_mut().step_by(count).zip(values) {
                to.write(value);
            }
        }
    }
}

/// `sums[i] = Σ tap · values[start + i]`
#[inline(always)]
fn mix(sums: &mut [MaybeUninit<f32>], values: &[f32], parts: &[Part]) {
    let length = sums.len();
    let mut first = true;
    // Four at a time, so that the sums are read and written seldom.
    for parts in parts.chunks(4) {
        // Zero times the first one again where there are no more.
        let part = |i: usize| {
            let (tap, start) = parts.get(i).copied().unwrap_or((0.0, parts[0].1));
            (tap, &values[start..][..length])
        };
        let ((a, p), (b, q), (c, r), (d, s)) = (part(0), part(1), part(2), part(3));
        let numbers = p.iter().zip(q).zip(r).zip(s);
        for (sum, (((p, q), r), s)) in sums.iter_mut().zip(numbers) {
            let four = (a * p + b * q) + (c * r + d * s);
            // SAFETY: the first round has written every sum.
            let before = if first {
                0.0
            } else {
                unsafe { sum.assume_init() }
            };
            sum.write(before + four);
        }
        first = false;
    }
    if first {
        sums.fill(MaybeUninit::new(0.0));
    }
}
