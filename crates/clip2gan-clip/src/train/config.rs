//! Settings of a training run.

use clip2gan_train::{AdamConfig, Cosine};
use serde::{Deserialize, Serialize};

use crate::Error;

/// How to train. The defaults suit [`crate::ClipConfig::avatars`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Decides the initial values.
    pub seed: u64,
    /// Number of steps.
    pub steps: u64,
    /// Pairs in a step; each is told apart from all the others of its batch.
    pub batch: usize,
    /// Parts that a batch is worked through in, by gradient caching: the result is that of the whole batch, the memory that of a
    /// part.
    #[serde(skip_serializing_if = "is_one")]
    pub accumulate: usize,
    /// Share of each picture's patches that a transformer does not see in training, 0..1.
    #[serde(skip_serializing_if = "is_zero")]
    pub patch_dropout: f64,
    /// Learning rate at the end of the warm-up; falls to zero along a cosine.
    pub lr: f64,
    /// Steps of linear warm-up.
    pub warmup: u64,
    /// Adam's β₁.
    pub beta1: f64,
    /// Adam's β₂.
    pub beta2: f64,
    /// Adam's ε.
    pub eps: f64,
    /// Decoupled weight decay of everything but gains, biases, the class token and the logit scale.
    pub weight_decay: f64,
    /// Longest gradient, over all parameters.
    pub max_gradient_norm: f32,
    /// Largest factor on the cosines; the paper clips at 100.
    pub max_scale: f32,
    /// Steps between two measurements of retrieval; 0 for only one at the end.
    pub evaluate_every: u64,
    /// Held-out pairs that retrieval chooses among.
    pub evaluate_pairs: usize,
    /// Steps between two checkpoints; 0 for only one at the end.
    pub checkpoint_every: u64,
}

fn is_one(value: &usize) -> bool {
    *value == 1
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            steps: 1000,
            batch: 64,
            accumulate: 1,
            patch_dropout: 0.0,
            lr: 1e-3,
            warmup: 100,
            beta1: 0.9,
            beta2: 0.98,
            eps: 1e-6,
            weight_decay: 0.1,
            max_gradient_norm: 1.0,
            max_scale: 100.0,
            evaluate_every: 200,
            evaluate_pairs: 256,
            checkpoint_every: 200,
        }
    }
}

impl TrainConfig {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Config`] names the first setting out of range.
    pub fn validate(&self) -> Result<(), Error> {
        let bad = |field, expected: &str, found: String| {
            Err(Error::Config {
                field,
                expected: expected.into(),
                found,
            })
        };
        if self.batch < 2 {
            return bad(
                "batch",
                "at least 2: the loss compares pairs",
                self.batch.to_string(),
            );
        }
        if self.accumulate == 0 || self.accumulate > self.batch {
            return bad(
                "accumulate",
                &format!("1 to {}, the batch", self.batch),
                self.accumulate.to_string(),
            );
        }
        if !(0.0..1.0).contains(&self.patch_dropout) {
            return bad(
                "patch_dropout",
                "at least 0 and below 1",
                self.patch_dropout.to_string(),
            );
        }
        if self.evaluate_pairs < 2 {
            return bad(
                "evaluate_pairs",
                "at least 2",
                self.evaluate_pairs.to_string(),
            );
        }
        if !(self.lr > 0.0 && self.lr.is_finite()) {
            return bad("lr", "a positive number", self.lr.to_string());
        }
        if !(self.max_scale >= 1.0 && self.max_scale.is_finite()) {
            return bad("max_scale", "at least 1", self.max_scale.to_string());
        }
        if self.max_gradient_norm.is_nan() || self.max_gradient_norm <= 0.0 {
            return bad(
                "max_gradient_norm",
                "a positive number",
                self.max_gradient_norm.to_string(),
            );
        }
        Ok(())
    }

    /// The learning rate of each step.
    pub fn schedule(&self) -> Cosine {
        Cosine {
            peak: self.lr,
            floor: 0.0,
            warmup: self.warmup.min(self.steps),
            total: self.steps,
        }
    }

    /// AdamW's settings at the peak.
    pub fn adam(&self) -> AdamConfig {
        AdamConfig {
            lr: self.lr,
            beta1: self.beta1,
            beta2: self.beta2,
            eps: self.eps,
            weight_decay: self.weight_decay,
        }
    }
}
