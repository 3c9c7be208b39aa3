//! Separable upsample–filter–downsample, plane by plane: the rows of one output line are mixed first, then its columns.

use rayon::prelude::*;

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

/// Resamples `planes` maps of `height` × `width`.
pub fn resample(x: &[f32], height: usize, width: usize, resampling: &Resampling) -> Vec<f32> {
    let Resampling { up, down, pad, .. } = *resampling;
    let [x0, _, y0, _] = pad;
    let out_height = resampling.output_size(height, 1);
    let out_width = resampling.output_size(width, 0);
    // The whole gain goes to the vertical taps; both are flipped, as a convolution's are.
    let across: Vec<f32> = resampling.taps.iter().rev().copied().collect();
    let upright: Vec<f32> = across.iter().map(|tap| tap * resampling.gain).collect();
    let padded = width * up + pad[0] + pad[1];
    let planes = x.len() / (height * width);
    let mut out = vec![0.0; planes * out_height * out_width];
    out.par_chunks_mut(out_height * out_width)
        .zip(x.par_chunks(height * width))
        .for_each_init(
            || (vec![0.0; width], vec![0.0; padded], vec![0.0; padded]),
            |(mixed, line, filtered), (out, x)| {
                pulp::Arch::new().dispatch(|| {
                    for (y, to) in out.chunks_exact_mut(out_width).enumerate() {
                        mixed.fill(0.0);
                        for (k, &tap) in upright.iter().enumerate() {
                            let at = y * down + k;
                            if at < y0 || (at - y0) % up != 0 || (at - y0) / up >= height {
                                continue;
                            }
                            let row = &x[(at - y0) / up * width..][..width];
                            for (sum, &value) in mixed.iter_mut().zip(row) {
                                *sum += tap * value;
                            }
                        }
                        match up {
                            1 => line[x0..x0 + width].copy_from_slice(mixed),
                            _ => {
                                for (slot, &value) in line[x0..].chunks_mut(up).zip(&*mixed) {
                                    slot[0] = value;
                                }
                            }
                        }
                        let count = padded + 1 - across.len();
                        let filtered = &mut filtered[..count];
                        filtered.fill(0.0);
                        for (k, &tap) in across.iter().enumerate() {
                            for (sum, &value) in filtered.iter_mut().zip(&line[k..]) {
                                *sum += tap * value;
                            }
                        }
                        match down {
                            1 => to.copy_from_slice(&filtered[..out_width]),
                            _ => {
                                for (to, &value) in to.iter_mut().zip(filtered.iter().step_by(down))
                                {
                                    *to = value;
                                }
                            }
                        }
                    }
                })
            },
        );
    out
}
