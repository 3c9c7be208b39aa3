//! The number of threads does not change a single bit of a result.
#![cfg(feature = "flex")]

use burn::tensor::{Device, Distribution, Tensor};
use clip2gan_kernels::{
    Activation, Attention, Nonlinearity, attention, bias_act, conv2d, conv2d_down, conv2d_up,
    layer_norm, linear, linear_add, upfirdn2d,
};

/// Values and gradients of one operation on fixed inputs, as bytes.
fn run(
    x: &Tensor<4>,
    weight: &Tensor<4>,
    operation: fn(Tensor<4>, Tensor<4>) -> Tensor<4>,
) -> Vec<u8> {
    let [x, weight] = [x, weight].map(|tensor| tensor.clone().autodiff().require_grad());
    let y = operation(x.clone(), weight.clone());
    let gradients = (y.clone() * y.clone()).sum().backward();
    let mut bytes = y.into_data().as_bytes().to_vec();
    for tensor in [x, weight] {
        if let Some(gradient) = tensor.grad(&gradients) {
            bytes.extend(gradient.into_data().as_bytes());
        }
    }
    bytes
}

#[test]
fn threads_change_nothing() {
    let device = Device::flex();
    let random = |shape| Tensor::<4>::random(shape, Distribution::Normal(0.0, 1.0), &device);
    type Operation = fn(Tensor<4>, Tensor<4>) -> Tensor<4>;
    let operations: [(&str, [usize; 2], Operation); 5] = [
        ("same", [36, 37], conv2d),
        ("down", [33, 33], conv2d_down),
        ("up", [16, 17], conv2d_up),
        ("filter", [32, 32], |x, _| {
            upfirdn2d(x, &[0.125, 0.375, 0.375, 0.125], 2, 1, [2, 1, 2, 1], 4.0)
        }),
        ("epilogue", [32, 32], |x, weight| {
            let bias = weight.slice([0..48, 0..1, 0..1, 0..1]).reshape([48]);
            bias_act(x, Some(bias), Activation::Lrelu, 1.4, None)
        }),
    ];
    for (name, [height, width], operation) in operations {
        // Few channels go by direct products, many Winograd's way.
        for channels in [5, 48] {
            let x = random([
                3,
                channels.max(if name == "epilogue" { 48 } else { 0 }),
                height,
                width,
            ]);
            let weight = random([48, x.dims()[1], 3, 3]);
            let with = |threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new()
                    .num_threads(threads)
                    .build()
                    .unwrap();
                pool.install(|| run(&x, &weight, operation))
            };
            let one = with(1);
            for threads in [2, 3, 8] {
                assert!(
                    with(threads) == one,
                    "{name}, {channels} channels: {threads} threads"
                );
            }
        }
    }
}

#[test]
fn threads_change_no_block() {
    let device = Device::flex();
    let random = |shape| Tensor::<2>::random(shape, Distribution::Normal(0.0, 1.0), &device);
    let (qkv, weight) = (random([3 * 77, 3 * 96]), random([75, 96]));
    let (bias, residual) = (Tensor::ones([75], &device), random([3 * 77, 75]));
    let shape = Attention {
        batch: 3,
        heads: 2,
        causal: true,
    };
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let mixed = attention(qkv.clone(), shape);
            linear_add(mixed, weight.clone(), bias.clone(), residual.clone()).into_data()
        })
    };
    let one = with(1);
    for threads in [2, 3, 8] {
        assert!(with(threads) == one, "{threads} threads");
    }
}

#[test]
fn threads_change_no_layer_either() {
    let device = Device::flex();
    let random = |shape| Tensor::<2>::random(shape, Distribution::Normal(0.0, 1.0), &device);
    let (x, weight) = (random([401, 130]), random([75, 130]));
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let x = x.clone().autodiff().require_grad();
            let y = linear(x.clone(), weight.clone(), None, Nonlinearity::Gelu);
            let y = layer_norm(
                y,
                Tensor::ones([75], &device),
                Tensor::zeros([75], &device),
                1e-5,
            );
            let gradients = (y.clone() * y.clone() * y.clone()).sum().backward();
            let mut bytes = y.into_data().as_bytes().to_vec();
            bytes.extend(x.grad(&gradients).unwrap().into_data().as_bytes());
            bytes
        })
    };
    let one = with(1);
    for threads in [2, 3, 8] {
        assert!(with(threads) == one, "{threads} threads");
    }
}
