//! The three convolutions of StyleGAN2 and their gradients.
//!
//! The gradient of each with respect to its input is another of the three, with the channels of the weight exchanged:
//! `Same` ↔ `Same` (flipped), `Down` ↔ `Up`. So a routine for each and one correlation serve all nine derivatives.

use super::correlate::correlate;
use super::direct::{self, Packed};
use super::finish::Finish;
use super::grid::Grid;
use super::pack::{Maps, pack};
use super::pointwise::Matrix;
use super::seen::Seen;
use super::transposed::Taps;
use super::weight::Weight;
use super::winograd;

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

/// A weight made ready for one kind of convolution of maps of one size.
pub struct Ready {
    kind: Kind,
    way: Way,
}

enum Way {
    Pointwise(Matrix),
    Transposed(Taps),
    Winograd(winograd::Weights),
    Direct(Packed),
}

impl Ready {
    /// For maps of `height` × `width`.
    pub fn new(kind: Kind, weight: Weight, map: [usize; 2]) -> Self {
        let channels = weight.channels();
        let way = if weight.size() == 1 {
            Way::Pointwise(Matrix::new(weight))
        } else if kind == Kind::Up {
            Way::Transposed(Taps::new(weight))
        } else if kind == Kind::Same && winograd::pays(channels, map) {
            Way::Winograd(winograd::Weights::new(weight))
        } else {
            Way::Direct(Packed::new(weight))
        };
        Self { kind, way }
    }

    /// Convolves maps of that size; `finish` is for the result, but not of [`Kind::Up`].
    pub fn convolve(&self, x: Maps, finish: Option<Finish>) -> Vec<f32> {
        match &self.way {
            Way::Winograd(weights) => winograd::convolve(x, weights, finish),
            Way::Direct(packed) => direct::convolve(self.kind, x, packed, finish),
            Way::Pointwise(matrix) => matrix.convolve(x, finish),
            Way::Transposed(taps) => {
                assert!(finish.is_none(), "a transposed convolution has no epilogue");
                taps.convolve(x)
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
                true => correlate(grad_maps, &Seen::plain(x_maps, 1, 1)).left_first(),
                false => correlate(x_maps, &Seen::plain(grad_maps, 1, 1)).right_first(),
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
            correlate(grad_maps, &Seen::around(&lines, grid)).left_first()
        }
        Kind::Down => correlate(grad_maps, &Seen::plain(x_maps, k, 2)).left_first(),
        // The transposed convolution is the adjoint of `Down`: input and output gradient change places.
        Kind::Up => correlate(x_maps, &Seen::plain(grad_maps, k, 2)).right_first(),
    }
}
