//! Whole layers at once against the same layers step by step in f64, for every way that a layer can go.
#![cfg(feature = "flex")]

mod common;

use burn::tensor::{DType, Device, Tensor};
use clip2gan_kernels::{
    Activation, Epilogue, Instructions, Modulation, limit_instructions, modulated_conv2d,
};
use common::{close, values};

const TAPS: [f32; 4] = [0.125, 0.375, 0.375, 0.125];
/// A filter that is not the same when turned round.
const SKEW: [f32; 4] = [0.1, 0.2, 0.3, 0.4];

/// A layer of `[n, i, o, h, w, k]`, in `dtype`.
fn layer(
    [n, i, o, h, w, k]: [usize; 6],
    modulation: Modulation,
    noisy: bool,
    dtype: DType,
) -> [Tensor<4>; 3] {
    let device = Device::flex();
    let factor = if modulation.up.is_some() { 2 } else { 1 };
    let x = values([n, i, h, w], 1, &device).cast(dtype);
    let weight = values([o, i, k, k], 2, &device).cast(dtype);
    let style = values([n, i], 3, &device).cast(dtype);
    let parts = Epilogue {
        demodulation: None,
        noise: noisy.then(|| {
            let noise = values([n, 1, factor * h, factor * w], 4, &device);
            (noise.cast(dtype), values([1], 5, &device).cast(dtype))
        }),
        bias: Some(values([o], 6, &device).cast(dtype)),
        activation: Activation::Lrelu,
        gain: 1.4,
        clamp: noisy.then_some(1.5),
    };
    // Met a second time, the weight's layer is kept; a third time, it is the kept one.
    [0; 3].map(|_| {
        let (x, weight, style) = (x.clone(), weight.clone(), style.clone());
        modulated_conv2d(x, weight, style, modulation, parts.clone())
    })
}

#[test]
fn layers() {
    for (shape, up) in [
        ([1, 1, 1, 1, 1, 3], None),
        ([3, 20, 17, 5, 7, 3], None),
        ([2, 24, 33, 17, 30, 3], None),
        ([2, 7, 3, 33, 40, 1], None),
        ([1, 18, 5, 9, 2, 1], None),
        ([2, 5, 3, 4, 6, 3], Some(SKEW)),
        ([1, 20, 18, 16, 17, 3], Some(SKEW)),
        ([3, 17, 23, 19, 15, 3], Some(SKEW)),
        ([1, 80, 70, 16, 16, 3], Some(TAPS)),
        ([1, 16, 16, 33, 34, 3], Some(TAPS)),
    ] {
        for (demodulate, noisy) in [(true, true), (true, false), (false, false)] {
            let modulation = Modulation { demodulate, up };
            let [exact, ..] = layer(shape, modulation, noisy, DType::F64);
            for most in [
                Instructions::Portable,
                Instructions::Avx2,
                Instructions::Best,
            ] {
                limit_instructions(most);
                for fast in layer(shape, modulation, noisy, DType::F32) {
                    let name = format!("{shape:?}, {modulation:?}, {noisy}, {most:?}");
                    close(&name, fast, exact.clone());
                }
            }
        }
    }
}

#[test]
fn a_changed_weight_makes_another_layer() {
    let device = Device::flex();
    let (x, style) = (values([1, 4, 8, 8], 1, &device), values([1, 4], 2, &device));
    let modulation = Modulation {
        demodulate: false,
        up: None,
    };
    let parts = Epilogue {
        demodulation: None,
        noise: None,
        bias: None,
        activation: Activation::Linear,
        gain: 1.0,
        clamp: None,
    };
    let run = |weight: &Tensor<4>| {
        modulated_conv2d(
            x.clone(),
            weight.clone(),
            style.clone(),
            modulation,
            parts.clone(),
        )
    };
    let mut weight = values([4, 4, 3, 3], 3, &device);
    let before = [0; 3].map(|_| run(&weight));
    // In place, for nobody else holds the weight.
    weight = weight.mul_scalar(2.0);
    close("twice the weight", run(&weight), before[2].clone() * 2.0);
}
