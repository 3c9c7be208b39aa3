//! Layer normalisation over rows, and its gradients.

use rayon::prelude::*;

use super::instructions::vectorised;
use super::{unwritten, written};
use std::mem::MaybeUninit;

/// Rows of a task.
const ROWS: usize = 8;

/// Mean and `1/√(var + ε)` of a row.
#[inline(always)]
fn moments(x: &[f32], epsilon: f32) -> (f32, f32) {
    let n = x.len() as f32;
    let mean = sum(x, |x| x) / n;
    let variance = sum(x, |x| (x - mean) * (x - mean)) / n;
    (mean, 1.0 / (variance + epsilon).sqrt())
}

/// Sum of `f` over a row in sixteen partial sums, so that it runs in vectors and always in the same order.
#[inline(always)]
pub fn sum(x: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let (x, rest) = x.as_chunks::<16>();
    let mut sums = [0.0; 16];
    for x in x {
        for lane in 0..16 {
            sums[lane] += f(x[lane]);
        }
    }
    sums.iter().sum::<f32>() + rest.iter().map(|&x| f(x)).sum::<f32>()
}

/// `(x − mean) / √(var + ε) · gain + bias` of every row of `gain.len()` values.
pub fn layer_norm(x: &[f32], gain: &[f32], bias: &[f32], epsilon: f32) -> Vec<f32> {
    let width = gain.len();
    assert_eq!(x.len() % width, 0, "whole rows");
    assert_eq!(bias.len(), width, "a bias for each value of a row");
    let mut out = unwritten(x.len());
    out.par_chunks_mut(ROWS * width)
        .zip(x.par_chunks(ROWS * width))
        .for_each(|(out, x)| normalise(out, x, gain, bias, epsilon));
    // SAFETY: the loop above writes every chunk to its end.
    unsafe { written(out) }
}

vectorised! {
    fn normalise<'a>(
        out: &'a mut [MaybeUninit<f32>],
        x: &'a [f32],
        gain: &'a [f32],
        bias: &'a [f32],
        epsilon: f32,
    ) {
        let width = gain.len();
        for (out, x) in out.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
            let (mean, scale) = moments(x, epsilon);
            for (((out, &x), &gain), &bias) in out.iter_mut().zip(x).zip(gain).zip(bias) {
                out.write((x - mean) * scale * gain + bias);
            }
        }
    }
}

/// Gradients of the input, `[rows, width]`, and of gain and bias, `[width]` each. With `x̂ = (x − mean) · s` and `h = grad · gain`,
/// the input's is `s · (h − mean(h) − x̂ · mean(h · x̂))`.
pub fn gradients(x: &[f32], gain: &[f32], grad: &[f32], epsilon: f32) -> [Vec<f32>; 3] {
    let width = gain.len();
    assert_eq!(x.len(), grad.len(), "a gradient for each value");
    let mut out = vec![0.0; x.len()];
    let tasks: Vec<[Vec<f32>; 2]> = out
        .par_chunks_mut(ROWS * width)
        .zip(x.par_chunks(ROWS * width))
        .zip(grad.par_chunks(ROWS * width))
        .map(|((out, x), grad)| {
            let mut sums = [vec![0.0; width], vec![0.0; width]];
            pass_back(out, [x, grad], gain, &mut sums, epsilon);
            sums
        })
        .collect();
    // In the order of the rows, whoever was first.
    let mut total = [vec![0.0; width], vec![0.0; width]];
    for task in tasks {
        for (total, part) in total.iter_mut().zip(task) {
            for (total, part) in total.iter_mut().zip(part) {
                *total += part;
            }
        }
    }
    let [gains, biases] = total;
    [out, gains, biases]
}

vectorised! {
    /// The input's gradient of some rows; what they add to those of gain and bias goes to `sums`.
    fn pass_back<'a>(
        out: &'a mut [f32],
        inputs: [&'a [f32]; 2],
        gain: &'a [f32],
        sums: &'a mut [Vec<f32>; 2],
        epsilon: f32,
    ) {
        let [x, grad] = inputs;
        let width = gain.len();
        let [gains, biases] = sums;
        let rows = x.chunks_exact(width).zip(grad.chunks_exact(width));
        for (out, (x, grad)) in out.chunks_exact_mut(width).zip(rows) {
            let (mean, scale) = moments(x, epsilon);
            // Half way: h, from which both means are taken.
            for ((out, &grad), &gain) in out.iter_mut().zip(grad).zip(gain) {
                *out = grad * gain;
            }
            let mean_h = sum(out, |h| h) / width as f32;
            let mut with_x = 0.0;
            for (&h, &x) in out.iter().zip(x) {
                with_x += h * (x - mean) * scale;
            }
            let mean_hx = with_x / width as f32;
            let columns = gains.iter_mut().zip(biases.iter_mut());
            for (((out, &x), &grad), (gain, bias)) in
                out.iter_mut().zip(x).zip(grad).zip(columns)
            {
                let normal = (x - mean) * scale;
                *gain += grad * normal;
                *bias += grad;
                *out = scale * (*out - mean_h - normal * mean_hx);
            }
        }
    }
}
