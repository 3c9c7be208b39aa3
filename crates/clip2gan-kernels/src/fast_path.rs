//! From tensors to the extension and back.

use std::sync::atomic::Ordering;

use burn::backend::{Dispatch, DispatchDevice};
use burn::tensor::{DType, Tensor};

use crate::backend::{ClipOps, StyleganOps};
use crate::fast::{conv::Kind, maps::Shape};
use crate::{Epilogue, Nonlinearity, PLAIN, Resampling};

/// Whether the kernels serve tensors like this one.
pub fn serves<const D: usize>(x: &Tensor<D>) -> bool {
    let device = x.device().inner();
    let on_cpu = matches!(device.as_dispatch(), DispatchDevice::Flex(_));
    on_cpu && x.dtype() == DType::F32 && !PLAIN.load(Ordering::Relaxed)
}

pub fn conv(x: Tensor<4>, weight: Tensor<4>, kind: Kind) -> Tensor<4> {
    let [_, channels, height, width] = x.dims();
    let [_, in_channels, k, k2] = weight.dims();
    assert_eq!(
        channels, in_channels,
        "channels of the map and of the weight"
    );
    assert!(
        k == k2 && (k == 3 || k == 1 && kind == Kind::Same),
        "a {k}×{k2} kernel, {kind:?}"
    );
    let odd = |size: usize| size % 2 == 1 && size >= 3;
    assert!(
        kind != Kind::Down || odd(height) && odd(width),
        "an odd map to go down from"
    );
    Tensor::from_dispatch(Dispatch::stylegan_conv(
        x.into_dispatch(),
        weight.into_dispatch(),
        kind,
    ))
}

pub fn resample(x: Tensor<4>, resampling: Resampling, adjoint: Resampling) -> Tensor<4> {
    let x = x.into_dispatch();
    Tensor::from_dispatch(Dispatch::stylegan_resample(x, resampling, adjoint))
}

pub fn scale(x: Tensor<4>, scale: Tensor<2>) -> Tensor<4> {
    assert_eq!(
        x.dims()[..2],
        scale.dims(),
        "a scale for each channel of each sample"
    );
    Tensor::from_dispatch(Dispatch::stylegan_scale(
        x.into_dispatch(),
        scale.into_dispatch(),
    ))
}

pub fn epilogue(x: Tensor<4>, epilogue: Epilogue) -> Tensor<4> {
    let [images, channels, height, width] = x.dims();
    if let Some(demodulation) = &epilogue.demodulation {
        assert_eq!(demodulation.dims(), [images, channels], "demodulation");
    }
    if let Some((noise, _)) = &epilogue.noise {
        let [samples, planes, rows, columns] = noise.dims();
        assert!(
            samples == 1 || samples == images,
            "noise for one sample or for each"
        );
        assert_eq!([planes, rows, columns], [1, height, width], "noise");
    }
    if let Some(bias) = &epilogue.bias {
        assert_eq!(bias.dims(), [channels], "bias");
    }
    let absent = || Tensor::<1>::empty([0], &x.device()).into_dispatch();
    let (noise, strength) = epilogue.noise.unzip();
    let demodulation = epilogue
        .demodulation
        .map_or_else(absent, Tensor::into_dispatch);
    let noise = noise.map_or_else(absent, Tensor::into_dispatch);
    let strength = strength.map_or_else(absent, Tensor::into_dispatch);
    let bias = epilogue.bias.map_or_else(absent, Tensor::into_dispatch);
    let shape = Shape {
        activation: epilogue.activation,
        gain: epilogue.gain,
        clamp: epilogue.clamp,
    };
    let x = x.into_dispatch();
    Tensor::from_dispatch(Dispatch::stylegan_epilogue(
        x,
        demodulation,
        noise,
        strength,
        bias,
        shape,
    ))
}

pub fn linear(
    x: Tensor<2>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    nonlinearity: Nonlinearity,
) -> Tensor<2> {
    let ([_, input], [output, depth]) = (x.dims(), weight.dims());
    assert_eq!(input, depth, "inputs of the rows and of the weight");
    let bias = match bias {
        Some(bias) => bias,
        None => Tensor::empty([0], &x.device()),
    };
    let [biases] = bias.dims();
    assert!(biases == 0 || biases == output, "a bias for each output");
    Tensor::from_dispatch(Dispatch::clip_linear(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        nonlinearity,
    ))
}

pub fn layer_norm(x: Tensor<2>, gain: Tensor<1>, bias: Tensor<1>, epsilon: f32) -> Tensor<2> {
    let [_, width] = x.dims();
    assert_eq!(
        [gain.dims(), bias.dims()],
        [[width]; 2],
        "gain and bias of a row"
    );
    Tensor::from_dispatch(Dispatch::clip_layer_norm(
        x.into_dispatch(),
        gain.into_dispatch(),
        bias.into_dispatch(),
        epsilon,
    ))
}
