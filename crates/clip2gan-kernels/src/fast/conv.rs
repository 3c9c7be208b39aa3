//! The three convolutions of StyleGAN2 and their gradients.
//!
//! The gradient of each with respect to its input is another of the three, with the channels of the weight exchanged:
//! `Same` ↔ `Same` (flipped), `Down` ↔ `Up`. So two routines and one correlation serve all nine derivatives.

use super::correlate::{Seen, correlate};
use super::direct;
use super::finish::Finish;
use super::grid::Grid;
use super::multiply::Packed;
use super::pack::{Maps, pack};
use super::winograd::{self, Layout};

/// Which convolution; the shapes are those of [`conv2d`](crate::conv2d), [`conv2d_down`](crate::conv2d_down) and
/// [`conv2d_up`](crate::conv2d_up).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Stride 1, size kept.
    Same,
    /// Stride 2, no padding.
    Down,
    /// Transposed, stride 2, no padding.
    Up,
}

impl Kind {
    /// The convolution that carries gradients back from the output to the input.
    pub fn adjoint(self) -> Self {
        match self {
            Self::Same => Self::Same,
            Self::Down => Self::Up,
            Self::Up => Self::Down,
        }
    }

    /// Output height or width for an input height or width.
    pub fn output_size(self, input: usize) -> usize {
        match self {
            Self::Same => input,
            Self::Down => (input - 1) / 2,
            Self::Up => 2 * input + 1,
        }
    }
}

/// Batch, channels, height, width.
pub type Shape = [usize; 4];

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

/// A weight made ready for one kind of convolution of maps of one size.
pub struct Ready {
    kind: Kind,
    /// Height and width of the kernel.
    size: usize,
    out_channels: usize,
    way: Way,
}

enum Way {
    Winograd(winograd::Weights),
    /// One weight, or one for each phase of [`Kind::Up`].
    Direct(Vec<Packed>),
}

impl Ready {
    /// For maps of `height` × `width`.
    pub fn new(kind: Kind, weight: Weight, map: [usize; 2]) -> Self {
        let channels = [weight.out_channels, weight.in_channels];
        let by_winograd = kind == Kind::Same && weight.size == 3 && winograd::pays(channels, map);
        let way = match by_winograd {
            true => Way::Winograd(winograd::Weights::new(weight)),
            false => Way::Direct(direct::pack_weight(kind, weight)),
        };
        Self {
            kind,
            size: weight.size,
            out_channels: weight.out_channels,
            way,
        }
    }

    /// Convolves maps of that size; `finish` is for the result, but not of [`Kind::Up`].
    pub fn convolve(&self, x: Maps, finish: Option<Finish>) -> Vec<f32> {
        match &self.way {
            Way::Winograd(weights) => winograd::convolve(x, weights, Layout::Plain, finish),
            Way::Direct(packed) => {
                direct::convolve((self.kind, self.size), x, self.out_channels, packed, finish)
            }
        }
    }
}

/// Convolves `x` of the given shape; the output's shape follows from [`Kind::output_size`].
pub fn convolve(kind: Kind, x: &[f32], shape: Shape, weight: Weight) -> Vec<f32> {
    let [_, _, height, width] = shape;
    Ready::new(kind, weight, [height, width]).convolve(Maps::new(x, shape), None)
}

/// Gradient of the weight `[out, in, k, k]` of a convolution of `x`, given the gradient of its output.
pub fn weight_gradient(
    kind: Kind,
    x: &[f32],
    [images, channels, height, width]: Shape,
    grad: &[f32],
    out_channels: usize,
    k: usize,
) -> Vec<f32> {
    let grad_shape = [
        images,
        out_channels,
        kind.output_size(height),
        kind.output_size(width),
    ];
    let x_maps = Maps::new(x, [images, channels, height, width]);
    let grad_maps = Maps::new(grad, grad_shape);
    match kind {
        Kind::Same if k == 1 => {
            // The vectors run along the more numerous channels.
            match out_channels >= channels {
                true => correlate(grad_maps, &seen(x_maps, 1, 1)).left_first(),
                false => correlate(x_maps, &seen(grad_maps, 1, 1)).right_first(),
            }
        }
        Kind::Same
            if winograd::gradient_pays([out_channels, channels], [images, height, width]) =>
        {
            winograd::weight_gradient(x_maps, grad_maps)
        }
        Kind::Same => {
            let grid = Grid {
                images,
                height,
                width,
            };
            let lines = pack(x_maps, grid);
            let padded = Seen {
                values: &lines.data,
                channels,
                image: grid.image(),
                channel: lines.stride,
                row: grid.row(),
                step: 1,
                taps: offsets(kind, k, grid),
            };
            correlate(grad_maps, &padded).left_first()
        }
        Kind::Down => correlate(grad_maps, &seen(x_maps, k, 2)).left_first(),
        // The transposed convolution is the adjoint of `Down`: input and output gradient change places.
        Kind::Up => correlate(x_maps, &seen(grad_maps, k, 2)).right_first(),
    }
}

/// Maps without padding as a kernel of `k` × `k` sees them that goes `step` pixels at a time.
fn seen(maps: Maps, k: usize, step: usize) -> Seen {
    let [_, channels, height, width] = maps.shape;
    Seen {
        values: maps.values,
        channels,
        image: channels * height * width,
        channel: height * width,
        row: step * width,
        step,
        taps: (0..k * k).map(|tap| tap / k * width + tap % k).collect(),
    }
}

/// Offsets of the k² taps from the start of a channel's lines, for `Same` and `Down`.
pub fn offsets(kind: Kind, k: usize, grid: Grid) -> Vec<usize> {
    let taps = (0..k).flat_map(|y| (0..k).map(move |x| (y, x)));
    match kind {
        Kind::Down => taps
            .map(|(y, x)| {
                let phase = 2 * (y % 2) + x % 2;
                phase * grid.plane() + grid.lead() + (y / 2) * grid.row() + x / 2
            })
            .collect(),
        _ => taps
            .map(|(y, x)| grid.lead() + y * grid.row() + x - (k / 2) * (grid.row() + 1))
            .collect(),
    }
}
