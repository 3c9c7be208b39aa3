//! The weighted sum of a step's losses, and what it was made of.

use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

/// What a step measured. Losses are unweighted; those whose weight is 0 are not computed and stay 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MapperStats {
    /// The step, counted from 1; each line of `stats.jsonl` has it anyway.
    #[serde(skip)]
    pub step: u64,
    /// The learning rate that was used.
    pub learning_rate: f64,
    /// The weighted sum.
    pub loss: f32,
    /// Squared L2.
    pub reconstruction: f32,
    /// Perceptual distance.
    pub perceptual: f32,
    /// `1 − cos` of CLIP's features.
    pub clip: f32,
    /// Distance to known latents, in units of the variance of `w`.
    pub latent: f32,
    /// Distance to `w_avg`, in units of the variance of `w`.
    pub latent_average: f32,
    /// The diversity ratio.
    pub diversity: f32,
    /// The adversarial term.
    #[serde(skip_serializing_if = "is_zero")]
    pub adversarial: f32,
    /// The discriminator's own loss, R1 aside.
    #[serde(skip_serializing_if = "is_zero")]
    pub discriminator: f32,
    /// Variance of the predicted `w` over the batch, relative to the generator's: near 0 means collapse.
    pub w_variance: f32,
}

fn is_zero(value: &f32) -> bool {
    *value == 0.0
}

/// The weighted sum of losses, in the order of [`MapperStats`], and their values.
#[derive(Default)]
pub(super) struct Sum {
    total: Option<Tensor<1>>,
    parts: Vec<Option<Tensor<1>>>,
}

impl Sum {
    pub(super) fn add(&mut self, weight: f64, loss: impl FnOnce() -> Tensor<1>) {
        if weight == 0.0 {
            return self.skip(1);
        }
        let loss = loss();
        self.parts.push(Some(loss.clone().inner()));
        let weighted = loss * weight;
        self.total = Some(match self.total.take() {
            Some(total) => total + weighted,
            None => weighted,
        });
    }

    pub(super) fn skip(&mut self, losses: usize) {
        self.parts.extend((0..losses).map(|_| None));
    }

    pub(super) fn finish(self, spread: Tensor<1>, device: &Device) -> (Tensor<1>, MapperStats) {
        let zero = || Tensor::zeros([1], device);
        let total = self.total.unwrap_or_else(zero);
        let mut values = vec![total.clone().inner()];
        values.extend(self.parts.into_iter().map(|part| part.unwrap_or_else(zero)));
        values.push(spread);
        // One transfer for all of them.
        let values: TensorData = Tensor::cat(values, 0).into_data();
        let values: Vec<f32> = values.iter::<f32>().collect();
        let stats = MapperStats {
            loss: values[0],
            reconstruction: values[1],
            perceptual: values[2],
            clip: values[3],
            latent: values[4],
            latent_average: values[5],
            diversity: values[6],
            adversarial: values[7],
            w_variance: values[8],
            ..MapperStats::default()
        };
        (total, stats)
    }
}
