//! What becomes of a convolution's sums: demodulation, noise, bias, activation, gain and clamp, wherever the sums are when they
//! are done.

use super::instructions::dispatch;
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
        let (above, below) = self.shape.slopes();
        let limit = self.shape.limit();
        let scale = demodulation.map_or(1.0, |scales| scales[plane]);
        let bias = bias.map_or(0.0, |bias| bias[plane % self.channels]);
        let shaped = move |value: f32| {
            let slope = if value >= 0.0 { above } else { below };
            (value * slope).clamp(-limit, limit)
        };
        dispatch(move || match noise {
            None => {
                for value in values {
                    *value = shaped(*value * scale + bias);
                }
            }
            Some((noise, strength)) => {
                let first = plane / self.channels * self.size % noise.len() + start;
                let noise = &noise[first..][..values.len()];
                for (value, &noise) in values.iter_mut().zip(noise) {
                    *value = shaped(*value * scale + noise * strength + bias);
                }
            }
        });
    }
}
