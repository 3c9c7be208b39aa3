//! Residual block of the discriminator.

use std::f32::consts::{FRAC_1_SQRT_2, SQRT_2};

use burn::module::Module;
use burn::tensor::Tensor;

use crate::init::Init;
use crate::layers::ConvLayer;
use crate::tangent::Dual;

/// Two convolutions and a linear shortcut; both branches are scaled by √½, so that their sum keeps its variance.
#[derive(Module, Debug)]
pub struct DiscriminatorBlock {
    /// 3×3 convolution.
    pub conv0: ConvLayer,
    /// 3×3 convolution that halves the resolution.
    pub conv1: ConvLayer,
    /// 1×1 shortcut that halves the resolution.
    pub skip: ConvLayer,
}

impl DiscriminatorBlock {
    pub(crate) fn new(inputs: usize, outputs: usize, init: &mut Init) -> Self {
        Self {
            conv0: ConvLayer::new(inputs, inputs, 3, true, false, SQRT_2, init),
            conv1: ConvLayer::new(inputs, outputs, 3, true, true, SQRT_2 * FRAC_1_SQRT_2, init),
            skip: ConvLayer::new(inputs, outputs, 1, false, true, FRAC_1_SQRT_2, init),
        }
    }

    /// `[n, i, h, w] → [n, o, h/2, w/2]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.skip.forward(x.clone()) + self.conv1.forward(self.conv0.forward(x))
    }

    /// The block and its directional derivative.
    pub fn forward_dual(&self, x: Dual<4>) -> Dual<4> {
        self.skip.forward_dual(x.clone()) + self.conv1.forward_dual(self.conv0.forward_dual(x))
    }
}
