//! What stands around a convolution: channel scales before it, the epilogue after it, and their gradients. One pass
//! over each map.

use rayon::prelude::*;

use super::finish::{Finish, Shape};
use super::instructions::vectorised;
use super::{unwritten, written};
use std::mem::MaybeUninit;

/// Multiplies plane after plane (`size` floats each) by its scale.
pub fn scale(x: &[f32], scales: &[f32], size: usize) -> Vec<f32> {
    assert_eq!(x.len(), scales.len() * size, "a scale for each plane");
    let mut out = unwritten(x.len());
    out.par_chunks_mut(size)
        .zip(x.par_chunks(size))
        .zip(scales)
        .for_each(|((out, x), &scale)| scale_plane(out, x, scale));
    // SAFETY: the loops above write every chunk to its end.
    unsafe { written(out) }
}

vectorised! {
    fn scale_plane<'a>(out: &'a mut [MaybeUninit<f32>], x: &'a [f32], scale: f32) {
        for (out, &x) in out.iter_mut().zip(x) {
            out.write(x * scale);
        }
    }
}

/// Dot product of each plane of `x` with the piece of `y` that starts at `start(plane)`.
pub fn plane_dots(
    x: &[f32],
    y: &[f32],
    size: usize,
    start: impl Fn(usize) -> usize + Sync,
) -> Vec<f32> {
    x.par_chunks(size)
        .enumerate()
        .map(|(plane, x)| {
            let y = &y[start(plane)..][..size];
            dot(x, y)
        })
        .collect()
}

vectorised! {
    /// Dot product over eight partial sums, so that it runs in vectors and always in the same order.
    pub fn dot<'a>(x: &'a [f32], y: &'a [f32]) -> f32 {
        let (x, x_rest) = x.as_chunks::<8>();
        let (y, y_rest) = y.as_chunks::<8>();
        let mut sums = [0.0; 8];
        for (x, y) in x.iter().zip(y) {
            for lane in 0..8 {
                sums[lane] += x[lane] * y[lane];
            }
        }
        let rest: f32 = x_rest.iter().zip(y_rest).map(|(x, y)| x * y).sum();
        sums.iter().sum::<f32>() + rest
    }
}

/// Sum of each plane.
pub fn plane_sums(x: &[f32], size: usize) -> Vec<f32> {
    x.par_chunks(size).map(sum).collect()
}

vectorised! {
    /// Sum over eight partial sums.
    fn sum<'a>(x: &'a [f32]) -> f32 {
        let (x, rest) = x.as_chunks::<8>();
        let mut sums = [0.0; 8];
        for x in x {
            for lane in 0..8 {
                sums[lane] += x[lane];
            }
        }
        sums.iter().sum::<f32>() + rest.iter().sum::<f32>()
    }
}

/// `clamp(gain · activation(x · demodulation + noise · strength + bias))`
pub fn epilogue(x: &[f32], finish: Finish) -> Vec<f32> {
    let mut out = unwritten(x.len());
    out.par_chunks_mut(finish.size)
        .zip(x.par_chunks(finish.size))
        .enumerate()
        .for_each(|(plane, (out, x))| {
            let values = out.write_copy_of_slice(x);
            finish.apply(plane, 0, values);
        });
    // SAFETY: the loop above writes every chunk to its end.
    unsafe { written(out) }
}

/// The same, over the input.
pub fn finish(x: &mut [f32], finish: Finish) {
    x.par_chunks_mut(finish.size)
        .enumerate()
        .for_each(|(plane, values)| finish.apply(plane, 0, values));
}

/// Gradient before the non-linearity, from the gradient after the clamp and the epilogue's output `y`.
///
/// The signs of input and output agree since the gain is positive, so the output alone tells the slope.
pub fn epilogue_gradient(y: &[f32], grad: &[f32], shape: Shape) -> Vec<f32> {
    const CHUNK: usize = 4096;
    assert_eq!(y.len(), grad.len(), "a gradient for each output");
    let mut out = unwritten(y.len());
    out.par_chunks_mut(CHUNK)
        .zip(y.par_chunks(CHUNK))
        .zip(grad.par_chunks(CHUNK))
        .for_each(|((out, y), grad)| pass_back(out, y, grad, shape));
    // SAFETY: the loop above writes every chunk to its end.
    unsafe { written(out) }
}

vectorised! {
    fn pass_back<'a>(
        out: &'a mut [MaybeUninit<f32>],
        y: &'a [f32],
        grad: &'a [f32],
        shape: Shape,
    ) {
        let (above, below) = shape.slopes();
        let limit = shape.limit();
        for ((out, &y), &grad) in out.iter_mut().zip(y).zip(grad) {
            let slope = if y >= 0.0 { above } else { below };
            out.write(if y.abs() < limit { grad * slope } else { 0.0 });
        }
    }
}
