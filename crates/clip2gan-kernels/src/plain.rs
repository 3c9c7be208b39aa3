//! Every operation as ordinary burn tensor operations: what runs on GPUs, in `f64`, and what the fast kernels are
//! held against.

use burn::tensor::{
    Device, Tensor, TensorData,
    activation::{gelu, sigmoid, softmax},
    module::{
        conv_transpose2d, conv2d as burn_conv2d, layer_norm as burn_layer_norm,
        linear as burn_linear,
    },
    ops::{ConvOptions, ConvTransposeOptions},
};

use crate::{Activation, Attention, Epilogue, LRELU_SLOPE, Nonlinearity, Resampling};

/// See [`conv2d`](crate::conv2d).
pub fn conv2d(x: Tensor<4>, weight: Tensor<4>) -> Tensor<4> {
    let padding = weight.dims()[2] / 2;
    let options = ConvOptions::new([1, 1], [padding, padding], [1, 1], 1);
    burn_conv2d(x, weight, None, options)
}

/// See [`conv2d_down`](crate::conv2d_down).
pub fn conv2d_down(x: Tensor<4>, weight: Tensor<4>) -> Tensor<4> {
    burn_conv2d(x, weight, None, ConvOptions::new([2, 2], [0, 0], [1, 1], 1))
}

/// See [`conv2d_up`](crate::conv2d_up).
pub fn conv2d_up(x: Tensor<4>, weight: Tensor<4>) -> Tensor<4> {
    let options = ConvTransposeOptions::new([2, 2], [0, 0], [0, 0], [1, 1], 1);
    conv_transpose2d(x, weight.swap_dims(0, 1), None, options)
}

/// See [`upfirdn2d`](crate::upfirdn2d).
pub fn upfirdn2d(x: Tensor<4>, resampling: &Resampling) -> Tensor<4> {
    let Resampling {
        taps,
        up,
        down,
        pad: [x0, x1, y0, y1],
        gain,
    } = resampling;
    let gain_1d = gain.sqrt();
    let taps: Vec<f32> = taps.iter().map(|tap| tap * gain_1d).collect();
    let x = fir_last_axis(x, &taps, *up, *down, *x0, *x1).swap_dims(2, 3);
    fir_last_axis(x, &taps, *up, *down, *y0, *y1).swap_dims(2, 3)
}

/// See [`linear`](crate::linear).
pub fn linear(
    x: Tensor<2>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    nonlinearity: Nonlinearity,
) -> Tensor<2> {
    let x = burn_linear(x, weight.transpose(), bias);
    match nonlinearity {
        Nonlinearity::None => x,
        Nonlinearity::QuickGelu => sigmoid(x.clone() * 1.702) * x,
        Nonlinearity::Gelu => gelu(x),
    }
}

/// See [`layer_norm`](crate::layer_norm).
pub fn layer_norm(x: Tensor<2>, gain: Tensor<1>, bias: Tensor<1>, epsilon: f32) -> Tensor<2> {
    burn_layer_norm(x, gain, Some(bias), f64::from(epsilon))
}

/// [`attention`](crate::attention) of queries, keys and values that stand apart, each `[batch·length, width]`.
pub fn attention(parts: [Tensor<2>; 3], shape: Attention) -> Tensor<2> {
    let Attention {
        batch,
        heads,
        causal,
    } = shape;
    let [rows, width] = parts[0].dims();
    let [length, head_width] = [rows / batch, width / heads];
    // The heads stay strided views; the batched product reads them in place.
    let [query, key, value] = parts.map(|part| {
        let part = part.reshape([batch, length, heads, head_width]);
        part.swap_dims(1, 2)
    });
    let scale = (head_width as f64).powf(-0.5);
    let mut scores = query.matmul(key.transpose()).mul_scalar(scale);
    if causal {
        let mask = causal_mask(length, &scores.device()).cast(scores.dtype());
        scores = scores + mask;
    }
    let mixed = softmax(scores, 3).matmul(value);
    mixed.swap_dims(1, 2).reshape([rows, width])
}

/// `[1, 1, length, length]`: 0 where a token may look (itself and before), −∞ where it may not.
fn causal_mask(length: usize, device: &Device) -> Tensor<4> {
    let values: Vec<f32> = (0..length * length)
        .map(|i| match i % length > i / length {
            true => f32::NEG_INFINITY,
            false => 0.0,
        })
        .collect();
    Tensor::from_data(TensorData::new(values, [1, 1, length, length]), device)
}

/// Zero insertion, padding, correlation with the flipped taps, decimation: all along the last axis.
fn fir_last_axis(
    x: Tensor<4>,
    taps: &[f32],
    up: usize,
    down: usize,
    before: usize,
    after: usize,
) -> Tensor<4> {
    let [n, c, h, w] = x.dims();
    let x = match up {
        1 => x,
        _ => x
            .reshape([n * c, h, w, 1])
            .pad((0, up - 1, 0, 0), 0.0)
            .reshape([n, c, h, w * up]),
    };
    let x = x.pad((before, after, 0, 0), 0.0);
    let length = w * up + before + after + 1 - taps.len();
    let rows = taps
        .iter()
        .rev()
        .enumerate()
        .map(|(k, &tap)| x.clone().narrow(3, k, length).mul_scalar(tap));
    // A resampling filter has at least one tap: checked by `Resampling::new`.
    let y = rows.reduce(|sum, row| sum + row).unwrap_or(x);
    match down {
        1 => y,
        _ => {
            let kept = length.div_ceil(down);
            let y = y.pad((0, kept * down - length, 0, 0), 0.0);
            y.reshape([n * c, h, kept, down])
                .narrow(3, 0, 1)
                .reshape([n, c, h, kept])
        }
    }
}

/// See [`scale_channels`](crate::scale_channels).
pub fn scale_channels(x: Tensor<4>, scale: Tensor<2>) -> Tensor<4> {
    let [n, c] = scale.dims();
    x * scale.reshape([n, c, 1, 1])
}

/// See [`epilogue`](crate::epilogue).
pub fn epilogue(x: Tensor<4>, epilogue: Epilogue) -> Tensor<4> {
    let channels = x.dims()[1];
    let x = match epilogue.demodulation {
        Some(demodulation) => scale_channels(x, demodulation),
        None => x,
    };
    let x = match epilogue.noise {
        Some((noise, strength)) => x + noise * strength.reshape([1, 1, 1, 1]),
        None => x,
    };
    let x = match epilogue.bias {
        Some(bias) => x + bias.reshape([1, channels, 1, 1]),
        None => x,
    };
    let x = match epilogue.activation {
        Activation::Linear => x,
        Activation::Lrelu => burn::tensor::activation::leaky_relu(x, LRELU_SLOPE as f64),
    };
    let x = match epilogue.gain {
        1.0 => x,
        gain => x.mul_scalar(gain),
    };
    match epilogue.clamp {
        Some(limit) => x.clamp(-limit, limit),
        None => x,
    }
}
