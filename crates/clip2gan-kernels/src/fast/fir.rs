//! Separable upsample–filter–downsample, plane by plane: the rows of one output line are mixed first, then its columns.

use std::mem::MaybeUninit;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::finish::Finish;
use super::instructions::dispatch;
use super::{unwritten, written};
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
    let out_height = resampling.output_size(height, 1);
    let out_width = resampling.output_size(width, 0);
    // The whole gain goes to the vertical taps; both are flipped, as a convolution's are.
    let across: Vec<f32> = resampling.taps.iter().rev().copied().collect();
    let upright: Vec<f32> = across.iter().map(|tap| tap * resampling.gain).collect();
    let padded = width * resampling.up + resampling.pad[0] + resampling.pad[1];
    let planes = x.len() / (height * width);
    let mut out = unwritten(planes * out_height * out_width);
    out.par_chunks_mut(out_height * out_width)
        .zip(x.par_chunks(height * width))
        .enumerate()
        .for_each_init(
            || {
                (
                    vec![0.0; width],
                    vec![0.0; padded],
                    vec![0.0; padded + 1 - across.len()],
                )
            },
            |(mixed, line, filtered), (plane, (out, x))| {
                dispatch(Plane {
                    x,
                    size: (height, width),
                    out: &mut *out,
                    out_width,
                    resampling,
                    upright: &upright,
                    across: &across,
                    mixed,
                    line,
                    filtered,
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

/// One map, and lines to work on.
struct Plane<'a> {
    x: &'a [f32],
    size: (usize, usize),
    out: &'a mut [MaybeUninit<f32>],
    out_width: usize,
    resampling: &'a Resampling,
    upright: &'a [f32],
    across: &'a [f32],
    /// A row of the input's width: some rows mixed.
    mixed: &'a mut [f32],
    /// The mixed row with zeros inserted and on both sides, which stay zeros.
    line: &'a mut [f32],
    /// The filtered line before decimation.
    filtered: &'a mut [f32],
}

impl WithSimd for Plane<'_> {
    type Output = ();

    // Generic over the instruction set only to be compiled for each: the loops below vectorise by themselves.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Resampling {
            up,
            down,
            pad: [x0, _, y0, _],
            ..
        } = *self.resampling;
        let (height, width) = self.size;
        for (y, to) in self.out.chunks_exact_mut(self.out_width).enumerate() {
            let rows = self.upright.iter().enumerate().filter_map(|(k, &tap)| {
                let at = (y * down + k).checked_sub(y0)?;
                let row = Some(at / up).filter(|&row| at % up == 0 && row < height)?;
                Some((tap, &self.x[row * width..][..width]))
            });
            if up == 1 {
                mix(&mut self.line[x0..x0 + width], rows);
            } else {
                mix(self.mixed, rows);
                for (slot, &value) in self.line[x0..].chunks_mut(up).zip(&*self.mixed) {
                    slot[0] = value;
                }
            }
            let count = self.filtered.len();
            let shifted = self.across.iter().enumerate();
            mix(
                self.filtered,
                shifted.map(|(k, &tap)| (tap, &self.line[k..][..count])),
            );
            if down == 1 {
                to.write_copy_of_slice(self.filtered);
            } else {
                for (to, &value) in to.iter_mut().zip(self.filtered.iter().step_by(down)) {
                    to.write(value);
                }
            }
        }
    }
}

/// `sums = Σ tap · values`
#[inline(always)]
fn mix<'a>(sums: &mut [f32], mut parts: impl Iterator<Item = (f32, &'a [f32])>) {
    let mut first = true;
    // Four at a time, so that the sums are read and written seldom.
    while let Some(part) = parts.next() {
        // Zero times the first one again where there are no more.
        let [a, b, c, d] = [
            part,
            parts.next().unwrap_or((0.0, part.1)),
            parts.next().unwrap_or((0.0, part.1)),
            parts.next().unwrap_or((0.0, part.1)),
        ];
        let length = sums.len();
        let [p, q, r, s] = [a, b, c, d].map(|(_, values)| &values[..length]);
        for (i, sum) in sums.iter_mut().enumerate() {
            let four = (a.0 * p[i] + b.0 * q[i]) + (c.0 * r[i] + d.0 * s[i]);
            *sum = if first { four } else { *sum + four };
        }
        first = false;
    }
    if first {
        sums.fill(0.0);
    }
}
