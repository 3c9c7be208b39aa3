//! From tensors to the extension and back.

use std::sync::atomic::Ordering;

use burn::backend::{Dispatch, DispatchDevice, DispatchTensor};
use burn::tensor::{DType, Device, Tensor};

use crate::backend::{BlockOps, ClipOps, LayerOps, StyleganOps};
use crate::fast::{conv::Kind, finish::Shape};
use crate::{Attention, Epilogue, Modulation, Nonlinearity, PLAIN, Resampling};

/// Whether the kernels serve tensors like this one.
pub fn serves<const D: usize>(x: &Tensor<D>) -> bool {
    let device = x.device().inner();
    let on_cpu = matches!(device.as_dispatch(), DispatchDevice::Flex(_));
    on_cpu && x.dtype() == DType::F32 && !PLAIN.load(Ordering::Relaxed)
}

/// Whether they are served by what knows no derivative.
pub fn serves_untracked<const D: usize>(x: &Tensor<D>) -> bool {
    !x.is_autodiff() && serves(x)
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
    epilogue.check(x.dims());
    let ([demodulation, noise, strength, bias], shape) = epilogue.into_parts(&x.device());
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

/// Whether a whole layer can be one operation: it is served, and nothing of it is differentiated.
pub fn serves_layer(x: &Tensor<4>, weight: &Tensor<4>, style: &Tensor<2>) -> bool {
    !weight.is_autodiff() && !style.is_autodiff() && serves_untracked(x)
}

pub fn layer(
    x: Tensor<4>,
    weight: Tensor<4>,
    style: Tensor<2>,
    modulation: Modulation,
    epilogue: Epilogue,
) -> Tensor<4> {
    let ([images, channels, height, width], [outs, ins, k, k2]) = (x.dims(), weight.dims());
    assert_eq!(channels, ins, "channels of the map and of the weight");
    assert_eq!(style.dims(), [images, channels], "a style for each channel");
    assert!(
        k == k2 && (k == 3 || k == 1 && modulation.up.is_none()),
        "a {k}×{k2} kernel"
    );
    let factor = if modulation.up.is_some() { 2 } else { 1 };
    epilogue.check([images, outs, factor * height, factor * width]);
    let ([_, noise, strength, bias], shape) = epilogue.into_parts(&x.device());
    Tensor::from_dispatch(Dispatch::stylegan_layer(
        x.into_dispatch(),
        weight.into_dispatch(),
        style.into_dispatch(),
        noise,
        strength,
        bias,
        modulation,
        shape,
    ))
}

pub fn linear(
    x: Tensor<2>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    nonlinearity: Nonlinearity,
) -> Tensor<2> {
    let bias = bias.unwrap_or_else(|| Tensor::empty([0], &x.device()));
    if !(x.is_autodiff() || weight.is_autodiff() || bias.is_autodiff()) {
        let residual = Tensor::empty([0, 0], &x.device());
        return linear_add(x, weight, bias, nonlinearity, residual);
    }
    check_linear(&x, &weight, &bias);
    Tensor::from_dispatch(Dispatch::clip_linear(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        nonlinearity,
    ))
}

/// Of untracked tensors. Bias and residual without elements are absent.
pub fn linear_add(
    x: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    nonlinearity: Nonlinearity,
    residual: Tensor<2>,
) -> Tensor<2> {
    check_linear(&x, &weight, &bias);
    let ([rows, _], [outputs, _]) = (x.dims(), weight.dims());
    assert!(
        matches!(residual.dims(), [0, 0]) || residual.dims() == [rows, outputs],
        "a residual for each output"
    );
    Tensor::from_dispatch(Dispatch::clip_linear_add(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        nonlinearity,
        residual.into_dispatch(),
    ))
}

fn check_linear(x: &Tensor<2>, weight: &Tensor<2>, bias: &Tensor<1>) {
    let ([_, input], [outputs, depth], [biases]) = (x.dims(), weight.dims(), bias.dims());
    assert_eq!(input, depth, "inputs of the rows and of the weight");
    assert!(biases == 0 || biases == outputs, "a bias for each output");
}

pub fn attention(qkv: Tensor<2>, shape: Attention) -> Tensor<2> {
    let [rows, stacked] = qkv.dims();
    assert!(
        rows.is_multiple_of(shape.batch),
        "{rows} rows in {} sequences",
        shape.batch
    );
    assert!(
        stacked.is_multiple_of(3 * shape.heads),
        "queries, keys and values of {} heads in {stacked} columns",
        shape.heads
    );
    Tensor::from_dispatch(Dispatch::clip_attention(qkv.into_dispatch(), shape))
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

impl Epilogue {
    /// Checks the parts against the maps that they are for.
    fn check(&self, [images, channels, height, width]: [usize; 4]) {
        if let Some(demodulation) = &self.demodulation {
            assert_eq!(demodulation.dims(), [images, channels], "demodulation");
        }
        if let Some((noise, _)) = &self.noise {
            let [samples, planes, rows, columns] = noise.dims();
            assert!(
                samples == 1 || samples == images,
                "noise for one sample or for each"
            );
            assert_eq!([planes, rows, columns], [1, height, width], "noise");
        }
        if let Some(bias) = &self.bias {
            assert_eq!(bias.dims(), [channels], "bias");
        }
    }

    /// Demodulation, noise, its strength and bias, those that are absent without elements; and the constants.
    fn into_parts(self, device: &Device) -> ([DispatchTensor; 4], Shape) {
        let absent = || Tensor::<1>::empty([0], device).into_dispatch();
        let (noise, strength) = self.noise.unzip();
        let parts = [
            self.demodulation.map_or_else(absent, Tensor::into_dispatch),
            noise.map_or_else(absent, Tensor::into_dispatch),
            strength.map_or_else(absent, Tensor::into_dispatch),
            self.bias.map_or_else(absent, Tensor::into_dispatch),
        ];
        let shape = Shape {
            activation: self.activation,
            gain: self.gain,
            clamp: self.clamp,
        };
        (parts, shape)
    }
}
