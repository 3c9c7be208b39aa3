//! A layer of StyleGAN2's synthesis in one go: style, convolution, up-sampling filter and epilogue, with its weight made ready
//! beforehand.

use rayon::prelude::*;

use super::conv::{Kind, Ready, Weight};
use super::finish::{Finish, Parts, Shape};
use super::fir::resample;
use super::pack::Maps;
use super::winograd::{self, Layout, Weights};
use crate::Resampling;

/// Added to the demodulation's sum.
const EPSILON: f32 = 1e-8;

/// Most weights of a layer whose kernels are composed with the filter at 16 × 16 pixels: composed and transformed they take
/// sixteen times the room, and with fewer pixels than [`LARGE_MAP`] it costs more to read them than the filter would.
const SMALL_LAYER: usize = 64 * 64;
/// Pixels of a map from which that pays for every layer.
const LARGE_MAP: usize = 32 * 32;

/// The filter after a transposed convolution.
fn filter(taps: &[f32]) -> Resampling {
    Resampling {
        taps: taps.to_vec(),
        up: 1,
        down: 1,
        pad: [1; 4],
        gain: 4.0,
    }
}

/// A layer's weight made ready for maps of one size.
pub struct Layer {
    out_channels: usize,
    /// `[out][in]`: each kernel's sum of squares.
    energy: Vec<f32>,
    way: Way,
}

enum Way {
    Plain(Ready),
    /// Transposed convolution, then the filter.
    Filtered(Ready, Resampling),
    /// Both at once: a convolution that gives four pixels of the doubled map for each of its own.
    Composed(Weights),
}

impl Layer {
    /// For maps of `height` × `width`; with the four taps of a filter, a layer that doubles them.
    pub fn new(weight: Weight, taps: Option<[f32; 4]>, [height, width]: [usize; 2]) -> Self {
        let [outs, ins] = weight.channels();
        let k = weight.size();
        let squares = |o, i| -> f32 {
            let taps = (0..k).flat_map(|y| (0..k).map(move |x| weight.at(o, i, y, x)));
            taps.map(|value| value * value).sum()
        };
        let energy = (0..outs * ins)
            .map(|at| squares(at / ins, at % ins))
            .collect();
        let map = [height, width];
        let way = match taps {
            None => Way::Plain(Ready::new(Kind::Same, weight, map)),
            Some(taps) => {
                let composes = winograd::pays([outs, ins], map)
                    && (height * width >= LARGE_MAP || outs * ins <= SMALL_LAYER);
                match composes {
                    true => {
                        let kernels = compose(weight, taps);
                        Way::Composed(Weights::new(Weight::new(&kernels, [4 * outs, ins, 3, 3])))
                    }
                    false => Way::Filtered(Ready::new(Kind::Up, weight, map), filter(&taps)),
                }
            }
        };
        Self {
            out_channels: outs,
            energy,
            way,
        }
    }

    /// `x` with the layer's styles as scales → the finished maps. `parts` hold no demodulation: it is computed here, if at all.
    pub fn forward(&self, x: Maps, demodulate: bool, parts: Parts, shape: Shape) -> Vec<f32> {
        let [_, _, height, width] = x.shape;
        let demodulation = demodulate.then(|| self.demodulation(x));
        let finish = |doubled: usize| Finish {
            channels: self.out_channels,
            size: height * width * doubled * doubled,
            parts: Parts {
                demodulation: demodulation.as_deref(),
                ..parts
            },
            shape,
        };
        match &self.way {
            Way::Plain(ready) => ready.convolve(x, Some(finish(1))),
            Way::Composed(weights) => {
                winograd::convolve(x, weights, Layout::Doubled, Some(finish(2)))
            }
            Way::Filtered(ready, filter) => {
                let size = [height, width].map(|size| Kind::Up.output_size(size));
                resample(&ready.convolve(x, None), size, filter, Some(finish(2)))
            }
        }
    }

    /// `1 / √(Σ (W·s)² + 1e-8)`, `[images · out channels]`.
    fn demodulation(&self, x: Maps) -> Vec<f32> {
        let ins = x.shape[1];
        let styles = x.scales.unwrap_or(&[]);
        let mut out = Vec::with_capacity(x.shape[0] * self.out_channels);
        for style in styles.chunks_exact(ins) {
            let squared: Vec<f32> = style.iter().map(|s| s * s).collect();
            let sums = self.energy.chunks_exact(ins);
            out.extend(sums.map(|energy| {
                (super::maps::dot(energy, &squared) + EPSILON)
                    .sqrt()
                    .recip()
            }));
        }
        out
    }
}

/// A transposed convolution at stride 2 and a filter of four taps and gain 4, as one convolution with four output channels for
/// each: `[out][row parity][column parity][in]`, 3 × 3 each.
///
/// Along one axis the transposed convolution is `u[2r + a] += w[a] x[r]` and the filter `y[j] = Σ_k f[3 − k] u[j + k − 1]`, so
/// `x[r]` reaches `y[j]` by `Σ w[a] f[3 − k]` over `a − k + 1 = j − 2r`. For each parity of j that is a kernel of three.
fn compose(weight: Weight, taps: [f32; 4]) -> Vec<f32> {
    let [outs, ins] = weight.channels();
    // What tap `a` of the weight adds to place `p` of the kernel of a parity; each axis has half of the gain.
    let share = |parity: usize, p: usize, a: usize| -> f32 {
        let k = (2 * p + a + 1).checked_sub(parity + 2);
        let tap = k.and_then(|k| taps.get(3_usize.checked_sub(k)?));
        tap.map_or(0.0, |tap| 2.0 * tap)
    };
    let shares: [[[f32; 3]; 3]; 2] = std::array::from_fn(|parity| {
        std::array::from_fn(|p| std::array::from_fn(|a| share(parity, p, a)))
    });
    let along = |parity: usize, p: usize, values: [f32; 3]| -> f32 {
        let shares = shares[parity][p];
        shares[0] * values[0] + shares[1] * values[1] + shares[2] * values[2]
    };
    let mut kernels = vec![0.0; 4 * outs * ins * 9];
    let of_channel = |(o, kernels): (usize, &mut [f32])| {
        for i in 0..ins {
            for column_parity in 0..2 {
                // Rows first: `[row of the weight][place]`.
                let rows: [[f32; 3]; 3] = std::array::from_fn(|a| {
                    let row = std::array::from_fn(|b| weight.at(o, i, a, b));
                    std::array::from_fn(|p| along(column_parity, p, row))
                });
                for row_parity in 0..2 {
                    let phase = 2 * row_parity + column_parity;
                    let kernel = &mut kernels[(phase * ins + i) * 9..][..9];
                    for (place, value) in kernel.iter_mut().enumerate() {
                        let column = rows.map(|row| row[place % 3]);
                        *value = along(row_parity, place / 3, column);
                    }
                }
            }
        }
    };
    kernels
        .par_chunks_exact_mut(4 * ins * 9)
        .enumerate()
        .for_each(of_channel);
    kernels
}
