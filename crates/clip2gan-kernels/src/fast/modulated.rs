//! A layer of StyleGAN2's synthesis in one go: style, convolution, up-sampling filter and epilogue, with its weight made ready
//! beforehand.

use super::conv::{Kind, Ready};
use super::finish::{Finish, Parts, Shape};
use super::fir::resample;
use super::pack::Maps;
use super::weight::Weight;
use crate::Resampling;

/// Added to the demodulation's sum.
const EPSILON: f32 = 1e-8;

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
    weight: Ready,
    /// What comes after a transposed convolution.
    filter: Option<Resampling>,
}

impl Layer {
    /// For maps of `height` × `width`; with the four taps of a filter, a layer that doubles them.
    pub fn new(weight: Weight, taps: Option<[f32; 4]>, map: [usize; 2]) -> Self {
        let [outs, ins] = weight.channels();
        let k = weight.size();
        let squares = |o, i| -> f32 {
            let taps = (0..k).flat_map(|y| (0..k).map(move |x| weight.at(o, i, y, x)));
            taps.map(|value| value * value).sum()
        };
        let energy = (0..outs * ins)
            .map(|at| squares(at / ins, at % ins))
            .collect();
        let kind = if taps.is_some() { Kind::Up } else { Kind::Same };
        Self {
            out_channels: outs,
            energy,
            weight: Ready::new(kind, weight, map),
            filter: taps.map(|taps| filter(&taps)),
        }
    }

    /// `x` with the layer's styles as scales → the finished maps. `parts` hold no demodulation: it is computed here, if at all.
    pub fn forward(&self, x: Maps, demodulate: bool, parts: Parts, shape: Shape) -> Vec<f32> {
        let [_, _, height, width] = x.shape;
        let demodulation = demodulate.then(|| self.demodulation(x));
        let factor = if self.filter.is_some() { 2 } else { 1 };
        let finish = Finish {
            channels: self.out_channels,
            size: height * width * factor * factor,
            parts: Parts {
                demodulation: demodulation.as_deref(),
                ..parts
            },
            shape,
        };
        let Some(filter) = &self.filter else {
            return self.weight.convolve(x, Some(finish));
        };
        let size = [height, width].map(|size| Kind::Up.output_size(size));
        resample(&self.weight.convolve(x, None), size, filter, Some(finish))
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
