//! The end of the discriminator: from 4×4 features to one logit, or to the features that a label is compared with.

use std::f32::consts::SQRT_2;

use burn::module::Module;
use burn::tensor::Tensor;

use crate::DiscriminatorConfig;
use crate::discriminator::MinibatchStddev;
use crate::init::Init;
use crate::layers::{ConvLayer, FullyConnected};
use crate::tangent::Dual;

/// Minibatch standard deviation, 3×3 convolution, fully connected layer, logit.
#[derive(Module, Debug)]
pub struct Epilogue {
    /// Statistics over the batch.
    pub minibatch_stddev: MinibatchStddev,
    /// 3×3 convolution.
    pub conv: ConvLayer,
    /// Fully connected with leaky ReLU.
    pub fc: FullyConnected,
    /// The logit; in conditional networks, as many features as the mapped label has.
    pub out: FullyConnected,
}

impl Epilogue {
    pub(crate) fn new(config: &DiscriminatorConfig, init: &mut Init) -> Self {
        let channels = config.channels(4);
        let minibatch_stddev =
            MinibatchStddev::new(config.mbstd_group_size, config.mbstd_num_channels);
        let inputs = channels + minibatch_stddev.num_channels();
        let outputs = if config.c_dim > 0 { channels } else { 1 };
        Self {
            minibatch_stddev,
            conv: ConvLayer::new(inputs, channels, 3, true, false, SQRT_2, init)
                .clamped(config.conv_clamp),
            fc: FullyConnected::new(channels * 16, channels, 1.0, 0.0, true, init),
            out: FullyConnected::new(channels, outputs, 1.0, 0.0, false, init),
        }
    }

    /// `[n, c, 4, 4] → [n, 1]`, or `[n, c]` in conditional networks.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let x = self.conv.forward(self.minibatch_stddev.forward(x));
        self.out.forward(self.fc.forward(x.flatten(1, 3)))
    }

    /// The layers and their directional derivative.
    pub fn forward_dual(&self, x: Dual<4>) -> Dual<2> {
        let x = self
            .conv
            .forward_dual(self.minibatch_stddev.forward_dual(x));
        let [n, c, h, w] = x.value.dims();
        self.out
            .forward_dual(self.fc.forward_dual(x.reshape([n, c * h * w])))
    }
}
