//! A convolution's weight, and the orders that it is wanted in.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::conv::{Kind, Shape};
use super::panels::{Rows, turn};

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

    /// Channels of the output and of the input.
    pub fn channels(&self) -> [usize; 2] {
        [self.out_channels, self.in_channels]
    }

    /// Height and width of the kernel.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Whether the taps are seen in reverse order.
    pub fn flipped(&self) -> bool {
        self.flip
    }

    /// A panel of `width` output channels, `[in channel][tap][out channel of panel]`, taps in the order that they stand in; channels past
    /// the last are zero.
    pub fn pack(&self, index: usize, panel: &mut [MaybeUninit<f32>], width: usize) {
        let taps = self.size * self.size;
        match self.adjoint {
            false => {
                let depth = self.in_channels * taps;
                Rows::whole(self.values, depth).pack(index, depth, panel, width);
            }
            true => {
                let inputs = self.values.chunks_exact(self.out_channels * taps);
                for (values, panel) in inputs.zip(panel.chunks_exact_mut(taps * width)) {
                    Rows::whole(values, taps).pack(index, taps, panel, width);
                }
            }
        }
    }

    /// The kernels of some input channels, `[in channel][tap][out channel]`, rows of output channels `stride` apart, taps in the order
    /// that they stand in.
    pub fn turn(&self, inputs: Range<usize>, out: &mut [MaybeUninit<f32>], stride: usize) {
        let taps = self.size * self.size;
        match self.adjoint {
            false => {
                let outputs = Rows {
                    values: &self.values[inputs.start * taps..],
                    stride: self.in_channels * taps,
                    count: self.out_channels,
                };
                turn(outputs, inputs.len() * taps, out, stride);
            }
            true => {
                let kernels = self.values.chunks_exact(self.out_channels * taps);
                let held = kernels.skip(inputs.start).take(inputs.len());
                for (values, out) in held.zip(out.chunks_exact_mut(taps * stride)) {
                    turn(Rows::whole(values, taps), taps, out, stride);
                }
            }
        }
    }

    /// The kernels of one output channel, one for each input channel, taps in the order that they stand in.
    pub fn inputs(&self, o: usize) -> Rows<'a> {
        let taps = self.size * self.size;
        let (first, stride) = match self.adjoint {
            false => (o * self.in_channels * taps, taps),
            true => (o * taps, self.out_channels * taps),
        };
        Rows {
            values: &self.values[first..],
            stride,
            count: self.in_channels,
        }
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
