//! How a mapper is trained, as data.

use clip2gan_clip::ClipConfig;
use clip2gan_stylegan2::GeneratorConfig;
use serde::{Deserialize, Serialize};

use super::AdversaryConfig;
use super::adversary::GROUP;
use crate::{Error, Head, MapperConfig};

/// Settings of the trainer. Everything that changes a run's result is here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MapperTrainConfig {
    /// Seed of every draw.
    pub seed: u64,
    /// Width of the mapper's noise input (see [`MapperConfig`]).
    pub noise_dim: usize,
    /// Width of the mapper's hidden layers.
    pub hidden: usize,
    /// The mapper's fully connected layers, its head included.
    pub num_layers: usize,
    /// Which latent space the mapper predicts.
    pub head: Head,
    /// Steps of the whole run; the learning rate falls to zero over them.
    pub steps: u64,
    /// Pictures per step, rendered and generated together.
    pub batch_size: usize,
    /// Share of the batch that is drawn from the generator itself, 0..=1; its latents are known.
    pub generated: f64,
    /// Adam's learning rate at its highest; 1e-4 in the paper.
    pub learning_rate: f64,
    /// Steps in which the learning rate rises.
    pub warmup_steps: u64,
    /// Decay of the averaged mapper that is kept for use, 0..1.
    pub ema_beta: f64,
    /// Scale s of the noise on the features (see [`add_noise`](crate::bridge::add_noise)).
    pub feature_noise: f64,
    /// Noise inputs tried for each generated picture; only the one whose latents come nearest is trained (conditional IMLE, Li et
    /// al., arXiv 2004.03590), so that the noise learns what the feature leaves open. 1 trains the first draw.
    pub draws: usize,
    /// Pictures of each batch that are drawn a second time for the diversity term.
    pub diversity_pairs: usize,
    /// What each loss weighs.
    pub weights: LossWeights,
    /// The adversarial term; none by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adversary: Option<AdversaryConfig>,
    /// Sample grids are drawn every so many steps; 0: never.
    pub samples_every: u64,
    /// Seconds between checkpoints.
    pub checkpoint_seconds: u64,
}

/// What each loss weighs; a weight of 0 switches its loss off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LossWeights {
    /// Squared L2 between pictures in −1..1.
    pub reconstruction: f64,
    /// [`perceptual::distance`](crate::perceptual::distance).
    pub perceptual: f64,
    /// `1 − cos` of CLIP's image features.
    pub clip: f64,
    /// Distance to the true latents of generated pictures.
    pub latent: f64,
    /// Distance to `w_avg`, of every picture.
    pub latent_average: f64,
    /// The diversity term.
    pub diversity: f64,
}

impl Default for MapperTrainConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            noise_dim: 32,
            hidden: 512,
            num_layers: 12,
            head: Head::W,
            steps: 20_000,
            batch_size: 16,
            generated: 0.5,
            learning_rate: 3e-4,
            warmup_steps: 100,
            ema_beta: 0.999,
            feature_noise: 0.75,
            draws: 4,
            diversity_pairs: 4,
            weights: LossWeights::default(),
            adversary: None,
            samples_every: 500,
            checkpoint_seconds: 240,
        }
    }
}

impl Default for LossWeights {
    fn default() -> Self {
        Self {
            reconstruction: 1.0,
            perceptual: 1.0,
            clip: 0.5,
            latent: 0.5,
            latent_average: 0.01,
            diversity: 0.01,
        }
    }
}

impl MapperTrainConfig {
    /// Sizes of the mapper between these two.
    pub fn mapper(&self, clip: &ClipConfig, generator: &GeneratorConfig) -> MapperConfig {
        MapperConfig {
            feature_dim: clip.embed_dim,
            noise_dim: self.noise_dim,
            hidden: self.hidden,
            num_layers: self.num_layers,
            w_dim: generator.w_dim,
            num_ws: generator.num_ws(),
            head: self.head,
        }
    }

    /// How many pictures of a batch the generator draws.
    pub fn generated_per_batch(&self) -> usize {
        (self.batch_size as f64 * self.generated).round() as usize
    }

    /// How many rendered pictures a batch takes.
    pub fn rendered_per_batch(&self) -> usize {
        self.batch_size - self.generated_per_batch()
    }

    /// Checks that the trainer can follow every setting.
    pub fn validate(&self) -> Result<(), Error> {
        let at_least_one = [
            ("batch_size", self.batch_size),
            ("draws", self.draws),
            ("steps", self.steps as usize),
        ];
        for (name, value) in at_least_one {
            if value == 0 {
                return Err(Error::argument(name, "at least 1", value));
            }
        }
        if !(0.0..=1.0).contains(&self.generated) {
            return Err(Error::argument(
                "generated",
                "a share from 0 to 1",
                self.generated,
            ));
        }
        if !(0.0..1.0).contains(&self.ema_beta) {
            return Err(Error::argument(
                "ema_beta",
                "at least 0 and below 1",
                self.ema_beta,
            ));
        }
        if self.diversity_pairs > self.batch_size {
            return Err(Error::argument(
                "diversity_pairs",
                format!("at most batch_size ({})", self.batch_size),
                self.diversity_pairs,
            ));
        }
        if let Some(adversary) = &self.adversary {
            adversary.validate()?;
            for (name, n) in [
                (
                    "the rendered share of batch_size",
                    self.rendered_per_batch(),
                ),
                ("batch_size", self.batch_size),
            ] {
                // The discriminator compares pictures in groups.
                if n == 0 || n > GROUP && !n.is_multiple_of(GROUP) {
                    let expected = format!("1 to {GROUP}, or a multiple of {GROUP}");
                    return Err(Error::argument(name, expected, n));
                }
            }
        }
        let LossWeights {
            reconstruction,
            perceptual,
            clip,
            latent,
            latent_average,
            diversity,
        } = self.weights;
        let not_negative = [
            ("learning_rate", self.learning_rate),
            ("feature_noise", self.feature_noise),
            ("weights.reconstruction", reconstruction),
            ("weights.perceptual", perceptual),
            ("weights.clip", clip),
            ("weights.latent", latent),
            ("weights.latent_average", latent_average),
            ("weights.diversity", diversity),
        ];
        for (name, value) in not_negative {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::argument(name, "a number from 0", value));
            }
        }
        Ok(())
    }
}
