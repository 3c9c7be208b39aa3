//! What becomes of a convolution's sums: demodulation, noise, bias, activation, gain and clamp, wherever the sums are when they
//! are done.

use super::instructions::vectorised;
use crate::{Activation, LRELU_SLOPE};

/// The constants of an epilogue.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub activation: Activation,
    pub gain: f32,
    pub clamp: Option<f32>,
}

impl Shape {
    /// Slopes above and below zero, gain included.
    pub fn slopes(self) -> (f32, f32) {
        match self.activation {
            Activation::Linear => (self.gain, self.gain),
            Activation::Lrelu => (self.gain, self.gain * LRELU_SLOPE),
        }
    }

    /// Where the result is cut off.
    pub fn limit(self) -> f32 {
        self.clamp.unwrap_or(f32::INFINITY)
    }
}

/// What an epilogue adds and multiplies with, as slices.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// `[images · channels]`
    pub demodulation: Option<&'a [f32]>,
    /// `[images or 1, size]` and the strength.
    pub noise: Option<(&'a [f32], f32)>,
    /// `[channels]`
    pub bias: Option<&'a [f32]>,
}

/// An epilogue of maps with so many channels of `size` pixels.
#[derive(Clone, Copy)]
pub struct Finish<'a> {
    pub channels: usize,
    pub size: usize,
    pub parts: Parts<'a>,
    pub shape: Shape,
}

impl Finish<'_> {
    /// Finishes `values`, which stand in a plane (`image · channels + channel`) from pixel `start` on.
    pub fn apply(&self, plane: usize, start: usize, values: &mut [f32]) {
        let Parts {
            demodulation,
            noise,
            bias,
        } = self.parts;
        let line = Line {
            scale: demodulation.map_or(1.0, |scales| scales[plane]),
            bias: bias.map_or(0.0, |bias| bias[plane % self.channels]),
            slopes: self.shape.slopes(),
            limit: self.shape.limit(),
        };
        match noise {
            None => finish(values, line),
            Some((noise, strength)) => {
                let first = plane / self.channels * self.size % noise.len() + start;
                finish_noisy(values, &noise[first..], strength, line);
            }
        }
    }
}

/// What holds for all pixels of a plane.
#[derive(Clone, Copy)]
struct Line {
    scale: f32,
    bias: f32,
    slopes: (f32, f32),
    limit: f32,
}

impl Line {
    /// The non-linearity of a sum.
    #[inline(always)]
    fn shape(self, value: f32) -> f32 {
        let (above, below) = self.slopes;
        let slope = if value >= 0.0 { above } else { below };
        (value * slope).clamp(-self.limit, self.limit)
    }
}

vectorised! {
    fn finish<'a>(values: &'a mut [f32], line: Line) {
        for value in values {
            *value = line.shape(*value * line.scale + line.bias);
        }
    }
}

vectorised! {
    fn finish_noisy<'a>(values: &'a mut [f32], noise: &'a [f32], strength: f32, line: Line) {
        for (value, &noise) in values.iter_mut().zip(noise) {
            *value = line.shape(*value * line.scale + noise * strength + line.bias);
        }
    }
}
