//! The layers of one resolution.

use std::f32::consts::FRAC_1_SQRT_2;

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::{NoiseMode, latent, layer_noise, spread};
use crate::init::Init;
use crate::layers::{ConvLayer, SynthesisLayer, ToRgb, upsample};
use crate::tangent::Dual;
use crate::{Architecture, GeneratorConfig};

/// What a block hands to the next one.
#[derive(Clone, Debug)]
pub struct BlockOutput {
    /// `[n, c, r, r]`.
    pub features: Tensor<4>,
    /// `[n, channels, r, r]`: the image so far; without output skips, in the last block only.
    pub rgb: Option<Tensor<4>>,
}

/// [`BlockOutput`] with directional derivatives.
#[derive(Clone, Debug)]
pub struct DualBlockOutput {
    /// `[n, c, r, r]`.
    pub features: Dual<4>,
    /// `[n, channels, r, r]`: the image so far; without output skips, in the last block only.
    pub rgb: Option<Dual<4>>,
}

/// The layers of one resolution.
#[derive(Module, Debug)]
pub struct SynthesisBlock {
    /// `[c, 4, 4]`: the learnt input, in the first block only.
    pub constant: Option<Param<Tensor<3>>>,
    /// The doubling layer, in every block but the first.
    pub conv0: Option<SynthesisLayer>,
    /// The second layer.
    pub conv1: SynthesisLayer,
    /// Features to colours: with output skips in every block, else in the last one.
    pub to_rgb: Option<ToRgb>,
    /// The doubling shortcut of a residual block.
    pub skip: Option<ConvLayer>,
}

impl SynthesisBlock {
    pub(crate) fn new(config: &GeneratorConfig, resolution: usize, init: &mut Init) -> Self {
        let outputs = config.channels(resolution);
        let inputs = config.channels(resolution / 2);
        let first = resolution == 4;
        let residual = config.architecture == Architecture::Resnet && !first;
        let draws = config.architecture == Architecture::Skip || resolution == config.resolution;
        let (w_dim, clamp) = (config.w_dim, config.conv_clamp);
        // Both branches of a residual block are scaled by √½, so that their sum keeps its variance.
        let gain = if residual { FRAC_1_SQRT_2 } else { 1.0 };
        Self {
            constant: first.then(|| init.normal([outputs, 4, 4], 1.0)),
            conv0: (!first).then(|| {
                SynthesisLayer::new(inputs, outputs, w_dim, resolution, true, init)
                    .scaled(1.0, clamp)
            }),
            conv1: SynthesisLayer::new(outputs, outputs, w_dim, resolution, false, init)
                .scaled(gain, clamp),
            to_rgb: draws
                .then(|| ToRgb::new(outputs, config.img_channels, w_dim, init).clamped(clamp)),
            skip: residual.then(|| ConvLayer::upsampling(inputs, outputs, gain, init)),
        }
    }

    /// `first` is the index of the block's first latent in `ws`.
    pub(crate) fn forward(
        &self,
        previous: Option<&BlockOutput>,
        ws: &Tensor<3>,
        first: usize,
        noise: NoiseMode,
    ) -> BlockOutput {
        let mut index = first;
        let mut features = match (&self.constant, previous) {
            (Some(constant), _) => spread(constant, ws),
            (None, Some(previous)) => previous.features.clone(),
            (None, None) => panic!("only the first block has no predecessor"),
        };
        let shortcut = self
            .skip
            .as_ref()
            .map(|skip| skip.forward(features.clone()));
        if let Some(conv0) = &self.conv0 {
            let noise = layer_noise(&conv0.noise_const, noise, index, ws);
            features = conv0.forward(features, latent(ws, index), noise);
            index += 1;
        }
        let noise = layer_noise(&self.conv1.noise_const, noise, index, ws);
        features = self.conv1.forward(features, latent(ws, index), noise);
        if let Some(shortcut) = shortcut {
            features = shortcut + features;
        }
        let drawn = self
            .to_rgb
            .as_ref()
            .map(|to_rgb| to_rgb.forward(features.clone(), latent(ws, index + 1)));
        let below = previous.and_then(|previous| previous.rgb.clone());
        let rgb = sum(drawn, below.map(upsample));
        BlockOutput { features, rgb }
    }

    /// The block and its directional derivative.
    pub(crate) fn forward_dual(
        &self,
        previous: Option<DualBlockOutput>,
        ws: &Dual<3>,
        first: usize,
        noise: NoiseMode,
    ) -> DualBlockOutput {
        let latent = |index| Dual {
            value: latent(&ws.value, index),
            tangent: latent(&ws.tangent, index),
        };
        let mut index = first;
        let (mut features, previous_rgb) = match (&self.constant, previous) {
            (Some(constant), _) => (Dual::constant(spread(constant, &ws.value)), None),
            (None, Some(previous)) => (previous.features, previous.rgb),
            (None, None) => panic!("only the first block has no predecessor"),
        };
        let shortcut = self
            .skip
            .as_ref()
            .map(|skip| skip.forward_dual(features.clone()));
        if let Some(conv0) = &self.conv0 {
            let noise = layer_noise(&conv0.noise_const, noise, index, &ws.value);
            features = conv0.forward_dual(features, latent(index), noise);
            index += 1;
        }
        let noise = layer_noise(&self.conv1.noise_const, noise, index, &ws.value);
        features = self.conv1.forward_dual(features, latent(index), noise);
        if let Some(shortcut) = shortcut {
            features = shortcut + features;
        }
        let drawn = self
            .to_rgb
            .as_ref()
            .map(|to_rgb| to_rgb.forward_dual(features.clone(), latent(index + 1)));
        let rgb = sum(drawn, previous_rgb.map(|rgb| rgb.map(upsample)));
        DualBlockOutput { features, rgb }
    }
}

/// The sum of what is there.
fn sum<T: std::ops::Add<Output = T>>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a + b),
        (a, b) => a.or(b),
    }
}
