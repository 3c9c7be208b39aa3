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
    /// Class label to as many features as `w` has, in conditional networks.
    pub embed: Option<FullyConnected>,
    /// Fully connected layers with leaky ReLU.
    pub layers: Vec<FullyConnected>,
    /// `[w_dim]`: running mean of `w`; a buffer.
    pub w_avg: Param<Tensor<1>>,
}

impl Mapping {
    pub(crate) fn new(config: &GeneratorConfig, init: &mut Init) -> Self {
        let embed = (config.c_dim > 0)
            .then(|| FullyConnected::new(config.c_dim, config.w_dim, 1.0, 0.0, false, init));
        let embedded = if embed.is_some() { config.w_dim } else { 0 };
        let inputs = config.z_dim + embedded;
        Self {
            embed,
            layers: mapping_layers(inputs, config.w_dim, config.mapping_layers, init),
            w_avg: init.zero_buffer([config.w_dim]),
        }
    }

    /// `z [n, z_dim] → w [n, w_dim]`. `z` is normalised here.
    ///
    /// # Panics
    /// If the network is conditional: see [`forward_labelled`](Self::forward_labelled).
    pub fn forward(&self, z: Tensor<2>) -> Tensor<2> {
        self.styles(z, None)
    }

    /// `z [n, z_dim]` and `labels [n, c_dim]` (one-hot) `→ w [n, w_dim]`. Both `z` and the embedded label are
    /// normalised here. An unconditional network takes no notice of labels.
    pub fn forward_labelled(&self, z: Tensor<2>, labels: Tensor<2>) -> Tensor<2> {
        self.styles(z, Some(labels))
    }

    /// `w`, with labels if the network is conditional.
    pub(crate) fn styles(&self, z: Tensor<2>, labels: Option<Tensor<2>>) -> Tensor<2> {
        let z = normalize(z);
        let x = match &self.embed {
            Some(embed) => {
                let labels = labels.expect("a conditional network takes labels besides z");
                Tensor::cat(vec![z, normalize(embed.forward(labels))], 1)
            }
            None => z,
        };
        self.layers.iter().fold(x, |x, layer| layer.forward(x))
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

/// Scales each row of `x [n, d]` to mean square 1.
pub(crate) fn normalize(x: Tensor<2>) -> Tensor<2> {
    let scale = ((x.clone() * x.clone()).mean_dim(1) + 1e-8).sqrt().recip();
    x * scale
}

/// `count` fully connected layers, `inputs → outputs → … → outputs`.
pub(crate) fn mapping_layers(
    inputs: usize,
    outputs: usize,
    count: usize,
    init: &mut Init,
) -> Vec<FullyConnected> {
    (0..count)
        .map(|layer| {
            let inputs = if layer == 0 { inputs } else { outputs };
            FullyConnected::new(inputs, outputs, LR_MUL, 0.0, true, init)
        })
        .collect()
}
