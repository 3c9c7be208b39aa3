//! The fast kernels against the plain tensor operations: values and first derivatives, for every shape class.
#![cfg(feature = "flex")]

mod common;

use burn::tensor::{DType, Device, Tensor};
use clip2gan_kernels::{
    Activation, Epilogue, Instructions, Nonlinearity, limit_instructions, plain,
};
use common::{close, values};

/// Runs `fast` in f32 and `exact` in f64 on the same inputs; compares the outputs and the gradients of a random
/// projection of the output with respect to every input.
fn compare<const N: usize>(
    name: &str,
    inputs: [Tensor<4>; N],
    fast: impl Fn([Tensor<4>; N]) -> Tensor<4>,
    exact: impl Fn([Tensor<4>; N]) -> Tensor<4>,
) {
    // Tests run beside each other, so that one's limit is another's: all of them hold for all.
    for most in [
        Instructions::Portable,
        Instructions::Avx2,
        Instructions::Best,
    ] {
        limit_instructions(most);
        compare_once(&format!("{name}, {most:?}"), inputs.clone(), &fast, &exact);
    }
    differentiate(name, inputs, fast, exact);
}

/// Compares `fast`'s gradients, each along a direction of its input, with central differences of `exact` in f64.
fn differentiate<const N: usize>(
    name: &str,
    inputs: [Tensor<4>; N],
    fast: impl Fn([Tensor<4>; N]) -> Tensor<4>,
    exact: impl Fn([Tensor<4>; N]) -> Tensor<4>,
) {
    const STEP: f64 = 1e-6;
    let wide = |x: Tensor<4>| x.inner().cast(DType::F64);
    let tracked = inputs.clone().map(|input| input.require_grad());
    let y = fast(tracked.clone());
    let projection = values(y.dims(), 99, &y.device());
    let gradients = (y * projection.clone()).sum().backward();
    let projection = wide(projection);
    for (index, input) in tracked.into_iter().enumerate() {
        let Some(gradient) = input.grad(&gradients) else {
            continue;
        };
        let gradient = gradient.cast(DType::F64);
        let direction = wide(values(input.dims(), 77, &input.device()));
        let projected = |step: f64| -> f64 {
            let mut moved = inputs.clone().map(wide);
            moved[index] = moved[index].clone() + direction.clone() * step;
            (exact(moved) * projection.clone()).sum().into_scalar()
        };
        let difference = (projected(STEP) - projected(-STEP)) / (2.0 * STEP);
        let along: f64 = (gradient.clone() * direction.clone()).sum().into_scalar();
        let length: f64 = (gradient.clone() * gradient).sum().sqrt().into_scalar();
        assert!(
            (along - difference).abs() <= 1e-4 * length.max(1e-6),
            "{name}: gradient {index} along a direction: {along}, by differences {difference}"
        );
    }
}

fn compare_once<const N: usize>(
    name: &str,
    inputs: [Tensor<4>; N],
    fast: impl Fn([Tensor<4>; N]) -> Tensor<4>,
    exact: impl Fn([Tensor<4>; N]) -> Tensor<4>,
) {
    let track = |dtype: DType| inputs.clone().map(|input| input.cast(dtype).require_grad());
    let (a, b) = (track(DType::F32), track(DType::F64));
    let (y, z) = (fast(a.clone()), exact(b.clone()));
    close(name, y.clone().inner(), z.clone().inner());
    let direction = values(y.dims(), 99, &y.device());
    let wide = direction.clone().cast(DType::F64);
    let (grads_y, grads_z) = (
        (y * direction).sum().backward(),
        (z * wide).sum().backward(),
    );
    for (index, (a, b)) in a.into_iter().zip(b).enumerate() {
        match (a.grad(&grads_y), b.grad(&grads_z)) {
            (Some(a), Some(b)) => close(&format!("{name}, gradient {index}"), a, b),
            (None, None) => {}
            (a, b) => panic!(
                "{name}: gradient {index}: {} and {}",
                a.is_some(),
                b.is_some()
            ),
        }
    }
}

fn device() -> Device {
    Device::flex().autodiff()
}

#[test]
fn same_convolution() {
    let device = device();
    for (n, i, o, h, w, k) in [
        (1, 1, 1, 1, 1, 3),
        (2, 3, 5, 4, 4, 3),
        (1, 33, 9, 7, 5, 3),
        (3, 40, 17, 16, 16, 3),
        (1, 16, 16, 1, 1, 3),
        (2, 17, 23, 6, 13, 3),
        (3, 64, 33, 32, 32, 3),
        (5, 34, 33, 29, 30, 3),
        // So many channels that the kernels' gradient is summed in two parts.
        (4, 170, 180, 30, 33, 3),
        (2, 5, 3, 32, 33, 1),
        (1, 130, 4, 9, 2, 1),
    ] {
        let inputs = [
            values([n, i, h, w], 1, &device),
            values([o, i, k, k], 2, &device),
        ];
        compare(
            &format!("same {n} {i} {o} {h} {w} {k}"),
            inputs,
            |[x, w]| clip2gan_kernels::conv2d(x, w),
            |[x, w]| plain::conv2d(x, w),
        );
    }
}

#[test]
fn strided_convolutions() {
    let device = device();
    for (n, i, o, h, w) in [
        (1, 1, 1, 1, 1),
        (2, 3, 5, 4, 4),
        (1, 35, 9, 7, 5),
        (3, 6, 13, 16, 11),
        (2, 3, 19, 2, 300),
    ] {
        let weight = values([o, i, 3, 3], 2, &device);
        compare(
            &format!("down {n} {i} {o} {h} {w}"),
            [
                values([n, i, 2 * h + 1, 2 * w + 1], 1, &device),
                weight.clone(),
            ],
            |[x, w]| clip2gan_kernels::conv2d_down(x, w),
            |[x, w]| plain::conv2d_down(x, w),
        );
        compare(
            &format!("up {n} {i} {o} {h} {w}"),
            [values([n, i, h, w], 1, &device), weight],
            |[x, w]| clip2gan_kernels::conv2d_up(x, w),
            |[x, w]| plain::conv2d_up(x, w),
        );
    }
}

#[test]
fn resampling() {
    let device = device();
    let taps = [0.125, 0.375, 0.375, 0.125];
    let skew = [0.1, 0.2, 0.7];
    for (up, down, pad, taps) in [
        (1, 1, [1, 1, 1, 1], &taps[..]),
        (1, 1, [2, 2, 2, 2], &taps[..]),
        (2, 1, [2, 1, 2, 1], &taps[..]),
        (1, 2, [1, 1, 1, 1], &taps[..]),
        (1, 1, [2, 0, 1, 1], &skew[..]),
        (2, 1, [1, 2, 2, 1], &skew[..]),
        (2, 2, [2, 2, 1, 1], &taps[..]),
        (1, 3, [3, 2, 2, 3], &taps[..]),
        (3, 2, [2, 2, 1, 2], &skew[..]),
    ] {
        for (h, w) in [(4, 4), (9, 6), (32, 34)] {
            compare(
                &format!("resample {up} {down} {pad:?} {h} {w}"),
                [values([2, 3, h, w], 1, &device)],
                |[x]| clip2gan_kernels::upfirdn2d(x, taps, up, down, pad, 4.0),
                |[x]| {
                    let taps = taps.to_vec();
                    plain::upfirdn2d(
                        x,
                        &clip2gan_kernels::Resampling {
                            taps,
                            up,
                            down,
                            pad,
                            gain: 4.0,
                        },
                    )
                },
            );
        }
    }
}

#[test]
fn scales_and_epilogues() {
    let device = device();
    let (n, c, h, w) = (3, 5, 7, 6);
    compare(
        "scale",
        [
            values([n, c, h, w], 1, &device),
            values([n, c, 1, 1], 2, &device),
        ],
        |[x, s]| clip2gan_kernels::scale_channels(x, s.reshape([n, c])),
        |[x, s]| plain::scale_channels(x, s.reshape([n, c])),
    );
    for (samples, activation, clamp) in [
        (1, Activation::Lrelu, None),
        (n, Activation::Lrelu, Some(0.7)),
        (n, Activation::Linear, None),
    ] {
        let noise = values([samples, 1, h, w], 5, &device);
        let parts = |d: Tensor<4>, strength: Tensor<4>, bias: Tensor<4>| {
            let noise = noise.clone().cast(d.dtype());
            Epilogue {
                demodulation: Some(d.reshape([n, c])),
                noise: Some((noise, strength.reshape([1]))),
                bias: Some(bias.reshape([c])),
                activation,
                gain: 1.5,
                clamp,
            }
        };
        compare(
            &format!("epilogue {samples} {activation:?} {clamp:?}"),
            [
                values([n, c, h, w], 1, &device),
                values([n, c, 1, 1], 2, &device),
                values([1, 1, 1, 1], 3, &device),
                values([c, 1, 1, 1], 4, &device),
            ],
            |[x, d, s, b]| clip2gan_kernels::epilogue(x, parts(d, s, b)),
            |[x, d, s, b]| plain::epilogue(x, parts(d, s, b)),
        );
    }
    compare(
        "bias only",
        [
            values([n, c, h, w], 1, &device),
            values([c, 1, 1, 1], 4, &device),
        ],
        |[x, b]| clip2gan_kernels::bias_act(x, Some(b.reshape([c])), Activation::Lrelu, 1.5, None),
        |[x, b]| {
            let parts = Epilogue {
                demodulation: None,
                noise: None,
                bias: Some(b.reshape([c])),
                activation: Activation::Lrelu,
                gain: 1.5,
                clamp: None,
            };
            plain::epilogue(x, parts)
        },
    );
}

#[test]
fn fully_connected_layers() {
    let device = device();
    for (rows, depth, outputs) in [
        (1, 1, 1),
        (5, 7, 3),
        (17, 64, 33),
        (50, 130, 100),
        (3, 2100, 9),
    ] {
        for nonlinearity in [
            Nonlinearity::None,
            Nonlinearity::QuickGelu,
            Nonlinearity::Gelu,
        ] {
            compare(
                &format!("linear {rows} {depth} {outputs} {nonlinearity:?}"),
                [
                    values([rows, depth, 1, 1], 1, &device),
                    values([outputs, depth, 1, 1], 2, &device),
                    values([outputs, 1, 1, 1], 3, &device),
                ],
                |[x, w, b]| {
                    let [x, w] = [x.reshape([rows, depth]), w.reshape([outputs, depth])];
                    let bias = Some(b.reshape([outputs]));
                    clip2gan_kernels::linear(x, w, bias, nonlinearity).unsqueeze()
                },
                |[x, w, b]| {
                    let [x, w] = [x.reshape([rows, depth]), w.reshape([outputs, depth])];
                    let bias = Some(b.reshape([outputs]));
                    plain::linear(x, w, bias, nonlinearity).unsqueeze()
                },
            );
        }
    }
    compare(
        "linear without a bias, turned over",
        [
            values([12, 5, 1, 1], 1, &device),
            values([12, 7, 1, 1], 2, &device),
        ],
        |[x, w]| {
            let [x, w] = [
                x.reshape([12, 5]).transpose(),
                w.reshape([12, 7]).transpose(),
            ];
            clip2gan_kernels::linear(x, w, None, Nonlinearity::None).unsqueeze()
        },
        |[x, w]| {
            let [x, w] = [
                x.reshape([12, 5]).transpose(),
                w.reshape([12, 7]).transpose(),
            ];
            plain::linear(x, w, None, Nonlinearity::None).unsqueeze()
        },
    );
}

#[test]
fn layer_normalisation() {
    let device = device();
    for (rows, width) in [(1, 3), (5, 7), (19, 64), (9, 100)] {
        compare(
            &format!("layer norm {rows} {width}"),
            [
                values([rows, width, 1, 1], 1, &device),
                values([width, 1, 1, 1], 2, &device),
                values([width, 1, 1, 1], 3, &device),
            ],
            |[x, gain, bias]| {
                let [gain, bias] = [gain, bias].map(|part| part.reshape([width]));
                clip2gan_kernels::layer_norm(x.reshape([rows, width]), gain, bias, 1e-5).unsqueeze()
            },
            |[x, gain, bias]| {
                let [gain, bias] = [gain, bias].map(|part| part.reshape([width]));
                plain::layer_norm(x.reshape([rows, width]), gain, bias, 1e-5).unsqueeze()
            },
        );
    }
}
