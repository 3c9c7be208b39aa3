//! Mapping network: `z → w` (StyleGAN, section 2).

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use crate::GeneratorConfig;
use crate::init::Init;
use crate::layers::FullyConnected;

/// Learning-rate multiplier of the mapping network.
const LR_MUL: f32 = 0.01;

/// The mapping network and the running mean of its output.
#[derive(Module, Debug)]
pub struct Mapping {
    /// Fully connected layers with leaky ReLU.
    pub layers: Vec<FullyConnected>,
    /// `[w_dim]`: running mean of `w`; a buffer.
    pub w_avg: Param<Tensor<1>>,
}

impl Mapping {
    pub(crate) fn new(config: &GeneratorConfig, init: &mut Init) -> Self {
        let layers = (0..config.mapping_layers)
            .map(|layer| {
                let inputs = if layer == 0 {
                    config.z_dim
                } else {
                    config.w_dim
                };
                FullyConnected::new(inputs, config.w_dim, LR_MUL, 0.0, true, init)
            })
            .collect();
        Self {
            layers,
            w_avg: init.zero_buffer([config.w_dim]),
        }
    }

    /// `z [n, z_dim] → w [n, w_dim]`. `z` is normalised here.
    pub fn forward(&self, z: Tensor<2>) -> Tensor<2> {
        let scale = ((z.clone() * z.clone()).mean_dim(1) + 1e-8).sqrt().recip();
        self.layers
            .iter()
            .fold(z * scale, |x, layer| layer.forward(x))
    }

    /// Moves `w_avg` towards the mean of `w [n, w_dim]`: `w_avg = lerp(mean(w), w_avg, beta)`.
    #[must_use]
    pub fn update_w_avg(mut self, w: Tensor<2>, beta: f32) -> Self {
        let mean: Tensor<1> = w.inner().mean_dim(0).squeeze_dim(0);
        self.w_avg = self
            .w_avg
            .map(|average| average * beta + mean * (1.0 - beta));
        self
    }
}
