//! The transformers' non-linearities and their derivatives, without branches, so that the loops run in vectors.

use rayon::prelude::*;

use super::instructions::vectorised;
use super::{unwritten, written};
use crate::Nonlinearity;
use std::mem::MaybeUninit;

/// Factor of QuickGELU's sigmoid.
const QUICK: f32 = 1.702;
/// Values of a task of [`gradient`].
const CHUNK: usize = 4096;

vectorised! {
    /// `out = f(x + bias) + residual`
    pub fn finish<'a>(
        out: &'a mut [MaybeUninit<f32>],
        x: &'a [f32],
        bias: Option<&'a [f32]>,
        nonlinearity: Nonlinearity,
        residual: Option<&'a [f32]>,
    ) {
        match bias {
            Some(bias) => write(out, x.iter().zip(bias).map(|(x, bias)| x + bias), nonlinearity, residual),
            None => write(out, x.iter().copied(), nonlinearity, residual),
        }
    }
}

#[inline(always)]
fn write(
    out: &mut [MaybeUninit<f32>],
    x: impl Iterator<Item = f32>,
    nonlinearity: Nonlinearity,
    residual: Option<&[f32]>,
) {
    match nonlinearity {
        Nonlinearity::None => write_sum(out, x, residual),
        Nonlinearity::QuickGelu => write_sum(out, x.map(|x| quick_gelu(x).0), residual),
        Nonlinearity::Gelu => write_sum(out, x.map(|x| gelu(x).0), residual),
    }
}

#[inline(always)]
fn write_sum(out: &mut [MaybeUninit<f32>], x: impl Iterator<Item = f32>, residual: Option<&[f32]>) {
    let places = out.iter_mut().zip(x);
    match residual {
        Some(residual) => places.zip(residual).for_each(|((out, x), residual)| {
            out.write(x + residual);
        }),
        None => places.for_each(|(out, x)| {
            out.write(x);
        }),
    }
}

/// `f(x)` of every value.
pub fn map(x: &[f32], nonlinearity: Nonlinearity) -> Vec<f32> {
    let mut out = unwritten(x.len());
    out.par_chunks_mut(CHUNK)
        .zip(x.par_chunks(CHUNK))
        .for_each(|(out, x)| finish(out, x, None, nonlinearity, None));
    // SAFETY: the loop above writes every chunk to its end.
    unsafe { written(out) }
}

/// `grad · f'(x)` of every value.
pub fn gradient(x: &[f32], grad: &[f32], nonlinearity: Nonlinearity) -> Vec<f32> {
    assert_eq!(x.len(), grad.len(), "a gradient for each value");
    let mut out = unwritten(x.len());
    out.par_chunks_mut(CHUNK)
        .zip(x.par_chunks(CHUNK))
        .zip(grad.par_chunks(CHUNK))
        .for_each(|((out, x), grad)| pass_back(out, x, grad, nonlinearity));
    // SAFETY: the loop above writes every chunk to its end.
    unsafe { written(out) }
}

vectorised! {
    fn pass_back<'a>(
        out: &'a mut [MaybeUninit<f32>],
        x: &'a [f32],
        grad: &'a [f32],
        nonlinearity: Nonlinearity,
    ) {
        let values = out.iter_mut().zip(x).zip(grad);
        match nonlinearity {
            Nonlinearity::None => values.for_each(|((out, _), &grad)| {
                out.write(grad);
            }),
            Nonlinearity::QuickGelu => values.for_each(|((out, &x), &grad)| {
                out.write(grad * quick_gelu(x).1);
            }),
            Nonlinearity::Gelu => values.for_each(|((out, &x), &grad)| {
                out.write(grad * gelu(x).1);
            }),
        }
    }
}

/// `x · σ(1.702 x)` and its derivative.
#[inline(always)]
fn quick_gelu(x: f32) -> (f32, f32) {
    let s = 1.0 / (1.0 + exp(-QUICK * x));
    (x * s, s + QUICK * x * s * (1.0 - s))
}

/// `x · Φ(x)` and its derivative `Φ(x) + x · φ(x)`; Φ by formula 7.1.26 of Abramowitz and Stegun, to 1.5e-7.
#[inline(always)]
fn gelu(x: f32) -> (f32, f32) {
    const DENSITY: f32 = 0.398_942_3;
    let a = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * a);
    let series = ((((1.061_405_4 * t - 1.453_152) * t + 1.421_413_7) * t - 0.284_496_74) * t
        + 0.254_829_6)
        * t;
    let bell = exp(-a * a);
    // 1 − Φ(|x|)
    let tail = 0.5 * series * bell;
    let below = if x < 0.0 { tail } else { 1.0 - tail };
    (x * below, below + x * DENSITY * bell)
}

/// `eˣ` to about one unit in the last place between −87 and 88, and the ends' values beyond.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Adding this puts the nearest whole number into the lowest bits.
    const MAGIC: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + MAGIC;
    let whole = shifted - MAGIC;
    // ln 2 in two parts, the first exact in few bits.
    let r = (x - whole * 0.693_359_4) + whole * 2.121_944_4e-4;
    let series = ((((1.987_569_1e-4 * r + 1.398_2e-3) * r + 8.333_452e-3) * r + 4.166_579_6e-2)
        * r
        + 0.166_666_65)
        * r
        + 0.5;
    let mantissa = series * r * r + r + 1.0;
    let power = (shifted.to_bits() as i32 - MAGIC.to_bits() as i32 + 127) << 23;
    mantissa * f32::from_bits(power as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_exact_to_the_last_places() {
        for i in -8700..8800 {
            let x = i as f32 / 100.0;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) - exact).abs() <= 3e-7 * exact, "{x}");
        }
        assert!(exp(-1e9) > 0.0 && exp(1e9).is_finite());
    }

    #[test]
    fn derivatives_agree_with_finite_differences() {
        // The functions in f64, from their definitions.
        let quick = |x: f64| x / (1.0 + (-1.702 * x).exp());
        let phi = |x: f64| {
            // Simpson's rule over the density.
            let steps = 2000;
            let h = x / f64::from(steps);
            let density = |t: f64| (-t * t / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
            let inner: f64 = (1..steps)
                .map(|i| density(f64::from(i) * h) * if i % 2 == 1 { 4.0 } else { 2.0 })
                .sum();
            0.5 + (density(0.0) + inner + density(x)) * h / 3.0
        };
        for i in -60..=60 {
            let x = f64::from(i) / 10.0;
            let check = |name: &str, exact: &dyn Fn(f64) -> f64, found: (f32, f32)| {
                let slope = (exact(x + 1e-4) - exact(x - 1e-4)) / 2e-4;
                assert!((f64::from(found.0) - exact(x)).abs() < 2e-6, "{name}({x})");
                assert!(
                    (f64::from(found.1) - slope).abs() < 2e-6,
                    "{name}'({x}): {} {slope}",
                    found.1
                );
            };
            check("quick_gelu", &quick, quick_gelu(x as f32));
            check("gelu", &|x| x * phi(x), gelu(x as f32));
        }
    }
}
