//! The operations of a transformer's block against the same in plain f64, for every set of instructions.
#![cfg(feature = "flex")]

mod common;

use burn::tensor::{DType, Device, Tensor};
use clip2gan_kernels::{Attention, Instructions, attention, limit_instructions, linear_add};
use common::{close, values};

/// What `operation` gives on these matrices, in `f32` by every set of instructions and in `f64`.
fn hold(name: &str, shapes: &[[usize; 2]], operation: impl Fn(&[Tensor<2>]) -> Tensor<2>) {
    let device = Device::flex();
    let fast: Vec<_> = (1..)
        .zip(shapes)
        .map(|(seed, &shape)| values(shape, seed, &device))
        .collect();
    let exact: Vec<_> = fast.iter().map(|x| x.clone().cast(DType::F64)).collect();
    let exact = operation(&exact);
    for most in [
        Instructions::Portable,
        Instructions::Avx2,
        Instructions::Best,
    ] {
        limit_instructions(most);
        close(
            &format!("{name}, {most:?}"),
            operation(&fast),
            exact.clone(),
        );
    }
}

#[test]
fn attentions() {
    for [batch, length, heads, head_width] in [
        [1, 1, 1, 1],
        [3, 5, 2, 3],
        [2, 17, 3, 8],
        [2, 50, 2, 64],
        [1, 77, 4, 64],
        [2, 7, 1, 80],
    ] {
        for causal in [false, true] {
            let shape = Attention {
                batch,
                heads,
                causal,
            };
            let name = format!("{shape:?} of {length} tokens, {head_width} wide");
            let qkv = [batch * length, 3 * heads * head_width];
            // So large that the softmax is far from even.
            hold(&name, &[qkv], |parts| {
                attention(parts[0].clone() * 3.0, shape)
            });
        }
    }
}

#[test]
fn a_token_sees_none_after_it() {
    let device = Device::flex();
    let shape = Attention {
        batch: 1,
        heads: 2,
        causal: true,
    };
    let qkv: Tensor<2> = values([9, 30], 1, &device);
    let changed = Tensor::cat(
        vec![qkv.clone().slice_dim(0, 0..6), values([3, 30], 2, &device)],
        0,
    );
    let [before, after] =
        [qkv, changed].map(|qkv| attention(qkv, shape).slice_dim(0, 0..6).into_data());
    assert_eq!(before, after);
}

#[test]
fn linear_adds() {
    for [rows, depth, outputs] in [[1, 1, 1], [5, 7, 3], [33, 1030, 50], [401, 65, 97]] {
        let name = format!("{rows} rows, {depth} → {outputs}");
        let shapes = [
            [rows, depth],
            [outputs, depth],
            [outputs, 1],
            [rows, outputs],
        ];
        hold(&name, &shapes, |parts| {
            let [x, weight, bias, residual] = [0, 1, 2, 3].map(|part| parts[part].clone());
            linear_add(x, weight, bias.squeeze_dim(1), residual)
        });
    }
}

#[test]
fn a_tracked_block_has_gradients() {
    let device = Device::flex().autodiff();
    let shape = Attention {
        batch: 2,
        heads: 2,
        causal: true,
    };
    let qkv = values::<2>([8, 24], 1, &device).require_grad();
    let weight = values::<2>([5, 8], 2, &device).require_grad();
    let [bias, residual] = [3, 4].map(|seed| values::<2>([8, 5], seed, &device));
    let mixed = attention(qkv.clone(), shape);
    let bias = bias.slice_dim(0, 0..1).squeeze_dim(0);
    let gradients = linear_add(mixed, weight.clone(), bias, residual)
        .sum()
        .backward();
    assert_eq!(qkv.grad(&gradients).map(|grad| grad.dims()), Some([8, 24]));
    assert_eq!(
        weight.grad(&gradients).map(|grad| grad.dims()),
        Some([5, 8])
    );
}
