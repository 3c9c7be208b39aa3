//! Of StyleGAN2's operations.

use burn::backend::Flex;
use burn_flex::FlexTensor;

use super::{Values, kept, tensor};
use crate::backend::{LayerOps, StyleganGradients, StyleganOps};
use crate::fast::conv::{Kind, convolve, weight_gradient};
use crate::fast::finish::{Finish, Parts, Shape};
use crate::fast::fir::resample;
use crate::fast::maps;
use crate::fast::modulated::Layer;
use crate::fast::pack::Maps;
use crate::fast::weight::Weight;
use crate::{Modulation, Resampling};

impl StyleganOps for Flex {
    fn stylegan_conv(x: FlexTensor, weight: FlexTensor, kind: Kind) -> FlexTensor {
        let (x, weight) = (Values::of(x), Values::of(weight));
        let ([n, _, h, w], [o, ..]) = (x.shape(), weight.shape());
        let out = convolve(
            kind,
            x.slice(),
            x.shape(),
            Weight::new(weight.slice(), weight.shape()),
        );
        tensor(out, [n, o, kind.output_size(h), kind.output_size(w)])
    }

    fn stylegan_resample(x: FlexTensor, resampling: Resampling, _: Resampling) -> FlexTensor {
        let x = Values::of(x);
        let [n, c, h, w] = x.shape();
        let out = resample(x.slice(), [h, w], &resampling, None);
        tensor(
            out,
            [
                n,
                c,
                resampling.output_size(h, 1),
                resampling.output_size(w, 0),
            ],
        )
    }

    fn stylegan_scale(x: FlexTensor, scale: FlexTensor) -> FlexTensor {
        let (x, scale) = (Values::of(x), Values::of(scale));
        let [_, _, h, w] = x.shape();
        tensor(maps::scale(x.slice(), scale.slice(), h * w), x.shape())
    }

    fn stylegan_epilogue(
        x: FlexTensor,
        demodulation: FlexTensor,
        noise: FlexTensor,
        strength: FlexTensor,
        bias: FlexTensor,
        shape: Shape,
    ) -> FlexTensor {
        let mut x = Values::of(x);
        let parts = [demodulation, noise, strength, bias].map(Values::of);
        let [demodulation, noise, strength, bias] = parts.each_ref().map(Values::present);
        let [_, channels, h, w] = x.shape();
        let finish = Finish {
            channels,
            size: h * w,
            parts: Parts {
                demodulation,
                noise: noise.zip(strength.map(|strength| strength[0])),
                bias,
            },
            shape,
        };
        match x.exclusive() {
            Some(values) => {
                maps::finish(values, finish);
                x.0
            }
            None => tensor(maps::epilogue(x.slice(), finish), x.shape()),
        }
    }
}

impl LayerOps for Flex {
    fn stylegan_layer(
        x: FlexTensor,
        weight: FlexTensor,
        style: FlexTensor,
        noise: FlexTensor,
        strength: FlexTensor,
        bias: FlexTensor,
        modulation: Modulation,
        shape: Shape,
    ) -> FlexTensor {
        let [x, weight, style] = [x, weight, style].map(Values::of);
        let parts = [noise, strength, bias].map(Values::of);
        let [noise, strength, bias] = parts.each_ref().map(Values::present);
        let [n, _, h, w] = x.shape();
        let [o, ..] = weight.shape();
        let key = (modulation.up.map(|taps| taps.map(f32::to_bits)), [h, w]);
        let layer = kept::LAYERS.get(&weight, key, || {
            let weight = Weight::new(weight.slice(), weight.shape());
            Layer::new(weight, modulation.up, [h, w])
        });
        let parts = Parts {
            demodulation: None,
            noise: noise.zip(strength.map(|strength| strength[0])),
            bias,
        };
        let maps = Maps {
            values: x.slice(),
            shape: x.shape(),
            scales: Some(style.slice()),
        };
        let out = layer.forward(maps, modulation.demodulate, parts, shape);
        let factor = if modulation.up.is_some() { 2 } else { 1 };
        tensor(out, [n, o, factor * h, factor * w])
    }
}

impl StyleganGradients for Flex {
    fn conv_input_gradient(grad: FlexTensor, weight: FlexTensor, kind: Kind) -> FlexTensor {
        let (grad, weight) = (Values::of(grad), Values::of(weight));
        let ([n, _, h, w], [_, i, ..]) = (grad.shape(), weight.shape());
        let adjoint = Weight::new(weight.slice(), weight.shape()).adjoint(kind);
        let out = convolve(kind.adjoint(), grad.slice(), grad.shape(), adjoint);
        let kind = kind.adjoint();
        tensor(out, [n, i, kind.output_size(h), kind.output_size(w)])
    }

    fn conv_weight_gradient(x: FlexTensor, grad: FlexTensor, kind: Kind, k: usize) -> FlexTensor {
        let (x, grad) = (Values::of(x), Values::of(grad));
        let ([_, i, ..], [_, o, ..]) = (x.shape(), grad.shape());
        let out = weight_gradient(kind, x.slice(), x.shape(), grad.slice(), o, k);
        tensor(out, [o, i, k, k])
    }

    fn plane_dots(x: FlexTensor, y: FlexTensor) -> FlexTensor {
        let (x, y) = (Values::of(x), Values::of(y));
        let [n, c, h, w] = x.shape();
        let [y_samples, y_channels, ..] = y.shape();
        let size = h * w;
        let planes = |plane: usize| {
            let (sample, channel) = (plane / c % y_samples, plane % c % y_channels);
            (sample * y_channels + channel) * size
        };
        tensor(maps::plane_dots(x.slice(), y.slice(), size, planes), [n, c])
    }

    fn channel_sums(x: FlexTensor) -> FlexTensor {
        let x = Values::of(x);
        let [_, c, h, w] = x.shape();
        let planes = maps::plane_sums(x.slice(), h * w);
        let mut sums = vec![0.0; c];
        for sample in planes.chunks_exact(c) {
            for (sum, plane) in sums.iter_mut().zip(sample) {
                *sum += plane;
            }
        }
        tensor(sums, [c])
    }

    fn epilogue_gradient(y: FlexTensor, grad: FlexTensor, shape: Shape) -> FlexTensor {
        let (y, grad) = (Values::of(y), Values::of(grad));
        tensor(
            maps::epilogue_gradient(y.slice(), grad.slice(), shape),
            y.shape(),
        )
    }
}
