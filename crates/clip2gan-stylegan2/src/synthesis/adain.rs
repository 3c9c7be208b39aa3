//! The synthesis network of StyleGAN (Karras et al. 2019, figure 1b), with adaptive instance normalisation in place of
//! modulated convolutions. Growing, which its training used, is left out.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::{NoiseMode, latent, layer_noise, spread};
use crate::GeneratorConfig;
use crate::init::Init;
use crate::layers::{AdainLayer, ConvLayer};
use crate::tangent::Dual;

/// The network: a constant, two layers for each resolution, and colours at the end.
#[derive(Module, Debug)]
pub struct AdainSynthesis {
    /// `[c, 4, 4]`: the learnt input, which starts at ones.
    pub constant: Param<Tensor<3>>,
    /// Two layers for each resolution, the first of which doubles it (or, at 4×4, has no convolution).
    pub layers: Vec<AdainLayer>,
    /// 1×1 convolution from features to colours.
    pub to_rgb: ConvLayer,
    /// `[channels]`.
    pub bias: Param<Tensor<1>>,
}

impl AdainSynthesis {
    pub(crate) fn new(config: &GeneratorConfig, init: &mut Init) -> Self {
        let w_dim = config.w_dim;
        let layers = config.block_resolutions().into_iter().flat_map(|r| {
            let channels = config.channels(r);
            let before = (r > 4).then(|| config.channels(r / 2));
            [
                AdainLayer::new(before, channels, w_dim, r, r > 4, init),
                AdainLayer::new(Some(channels), channels, w_dim, r, false, init),
            ]
        });
        let layers = layers.collect();
        let channels = config.channels(config.resolution);
        Self {
            constant: init.filled([config.channels(4), 4, 4], 1.0),
            layers,
            to_rgb: ConvLayer::new(channels, config.img_channels, 1, false, false, 1.0, init),
            bias: init.filled([config.img_channels], 0.0),
        }
    }

    /// `ws [n, num_ws, w_dim] → image [n, channels, r, r]`.
    pub fn forward(&self, ws: Tensor<3>, noise: NoiseMode) -> Tensor<4> {
        let layers = self.layers.iter().enumerate();
        let x = layers.fold(spread(&self.constant, &ws), |x, (index, layer)| {
            let noise = layer_noise(&layer.noise_const, noise, index, &ws);
            layer.forward(x, latent(&ws, index), noise)
        });
        self.colors(x)
    }

    /// The image at `ws.value` and its derivative along `ws.tangent`.
    pub fn forward_dual(&self, ws: Dual<3>, noise: NoiseMode) -> Dual<4> {
        let layers = self.layers.iter().enumerate();
        let start = Dual::constant(spread(&self.constant, &ws.value));
        let x = layers.fold(start, |x, (index, layer)| {
            let noise = layer_noise(&layer.noise_const, noise, index, &ws.value);
            let w = Dual {
                value: latent(&ws.value, index),
                tangent: latent(&ws.tangent, index),
            };
            layer.forward_dual(x, w, noise)
        });
        Dual {
            value: self.colors(x.value),
            tangent: self.to_rgb.forward(x.tangent),
        }
    }

    fn colors(&self, x: Tensor<4>) -> Tensor<4> {
        let bias = self.bias.val();
        let channels = bias.dims()[0];
        self.to_rgb.forward(x) + bias.reshape([1, channels, 1, 1])
    }
}
