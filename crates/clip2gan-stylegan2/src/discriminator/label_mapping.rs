//! Mapping network of labels, for the projection discriminator.

use burn::module::Module;
use burn::tensor::Tensor;

use crate::DiscriminatorConfig;
use crate::init::Init;
use crate::layers::FullyConnected;
use crate::mapping::{mapping_layers, normalize};

/// A label's direction, on which the image's features are projected (*cGANs with projection discriminator*, with the
/// label mapped as `MappingNetwork` of the reference does without `z`).
#[derive(Module, Debug)]
pub struct LabelMapping {
    /// Label to features.
    pub embed: FullyConnected,
    /// Fully connected layers with leaky ReLU.
    pub layers: Vec<FullyConnected>,
}

impl LabelMapping {
    pub(crate) fn new(config: &DiscriminatorConfig, init: &mut Init) -> Self {
        let outputs = config.channels(4);
        Self {
            embed: FullyConnected::new(config.c_dim, outputs, 1.0, 0.0, false, init),
            layers: mapping_layers(outputs, outputs, config.mapping_layers, init),
        }
    }

    /// `labels [n, c_dim]` (one-hot) `→ [n, c]`, with `c` the channels at resolution 4.
    pub fn forward(&self, labels: Tensor<2>) -> Tensor<2> {
        let x = normalize(self.embed.forward(labels));
        self.layers.iter().fold(x, |x, layer| layer.forward(x))
    }
}
