//! Block of the discriminator.

use std::f32::consts::{FRAC_1_SQRT_2, SQRT_2};

use burn::module::Module;
use burn::tensor::Tensor;

use crate::init::Init;
use crate::layers::ConvLayer;
use crate::tangent::Dual;
use crate::{Architecture, DiscriminatorConfig};

/// Two convolutions and, in residual networks, a linear shortcut; both branches are then scaled by √½, so that their
/// sum keeps its variance.
#[derive(Module, Debug)]
pub struct DiscriminatorBlock {
    /// 3×3 convolution.
    pub conv0: ConvLayer,
    /// 3×3 convolution that halves the resolution.
    pub conv1: ConvLayer,
    /// 1×1 shortcut that halves the resolution, in residual networks.
    pub skip: Option<ConvLayer>,
}

impl DiscriminatorBlock {
    pub(crate) fn new(config: &DiscriminatorConfig, resolution: usize, init: &mut Init) -> Self {
        let (inputs, outputs) = (config.channels(resolution), config.channels(resolution / 2));
        let residual = config.architecture == Architecture::Resnet;
        let clamp = config.conv_clamp;
        let gain = if residual { FRAC_1_SQRT_2 } else { 1.0 };
        Self {
            conv0: ConvLayer::new(inputs, inputs, 3, true, false, SQRT_2, init).clamped(clamp),
            conv1: ConvLayer::new(inputs, outputs, 3, true, true, SQRT_2 * gain, init)
                .clamped(clamp.map(|clamp| clamp * gain)),
            skip: residual.then(|| ConvLayer::new(inputs, outputs, 1, false, true, gain, init)),
        }
    }

    /// `[n, i, h, w] → [n, o, h/2, w/2]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let shortcut = self.skip.as_ref().map(|skip| skip.forward(x.clone()));
        let x = self.conv1.forward(self.conv0.forward(x));
        match shortcut {
            Some(shortcut) => shortcut + x,
            None => x,
        }
    }

    /// The block and its directional derivative.
    pub fn forward_dual(&self, x: Dual<4>) -> Dual<4> {
        let shortcut = self.skip.as_ref().map(|skip| skip.forward_dual(x.clone()));
        let x = self.conv1.forward_dual(self.conv0.forward_dual(x));
        match shortcut {
            Some(shortcut) => shortcut + x,
            None => x,
        }
    }
}
