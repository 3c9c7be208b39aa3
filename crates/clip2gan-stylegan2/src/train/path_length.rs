//! Path length regularisation (StyleGAN2, section 3.2).

use burn::module::Module;
use clip2gan_train::{NamedGradients, rng};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::error::check;
use crate::train::step::{finite, scalar};
use crate::train::{RealBatch, TrainConfig, TrainState, latents};
use crate::{Result, loss};

/// Settings of path length regularisation. It is off by default: small networks do not need it, and it is slow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PathLengthConfig {
    /// Weight of the term; 0 switches it off, the paper's is 2.
    pub weight: f32,
    /// It is computed every so many steps (lazy regularisation).
    pub interval: u64,
    /// How fast the running mean of lengths moves.
    pub decay: f32,
    /// The batch is this much smaller than a training batch.
    pub batch_shrink: usize,
}

impl Default for PathLengthConfig {
    fn default() -> Self {
        Self {
            weight: 0.0,
            interval: 4,
            decay: 0.01,
            batch_shrink: 2,
        }
    }
}

impl PathLengthConfig {
    /// Whether nothing was set: such a section is not written, so that files without it stay as they are.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the term is computed after `step` steps.
    pub fn is_due(&self, step: u64) -> bool {
        self.weight > 0.0 && step.is_multiple_of(self.interval)
    }

    /// # Errors
    /// [`Error::Config`](crate::Error::Config) naming the field.
    pub(crate) fn validate(&self) -> Result<()> {
        check(
            self.weight >= 0.0,
            "path_length.weight",
            "at least 0",
            self.weight,
        )?;
        check(
            self.interval > 0,
            "path_length.interval",
            "at least 1",
            self.interval,
        )?;
        check(
            (0.0..=1.0).contains(&self.decay),
            "path_length.decay",
            "in 0..=1",
            self.decay,
        )?;
        check(
            self.batch_shrink > 0,
            "path_length.batch_shrink",
            "at least 1",
            self.batch_shrink,
        )
    }
}

/// What a regularising step measured.
pub(crate) struct PathLengthStats {
    pub penalty: f32,
    pub mean: f32,
}

/// The regulariser alone: `k · weight · mean (length − a)²` for the k steps that it stands for, with `a` the running
/// mean of lengths.
pub(crate) fn path_length_phase(
    mut state: TrainState,
    real: &RealBatch,
    config: &TrainConfig,
) -> Result<(TrainState, PathLengthStats)> {
    let settings = &config.path_length;
    let batch = (config.batch / settings.batch_shrink).max(1);
    let device = state.device();
    let generator = state.generator.clone().train();
    let phase = "path length phase";
    let latents = latents::draw(&generator, config, real, batch, phase, state.step, &device);
    let mut rng = rng::stream(config.seed, "path length directions", state.step);
    let noise = latents::noise(config, rng.random());
    let side = config.resolution;
    let shape = [batch, config.img_channels, side, side];
    let y = rng::randn(shape, &mut rng, &device) / side as f32;

    let lengths = loss::path_lengths(&generator.synthesis, latents.ws, noise, y).lengths;
    let mean = scalar(lengths.clone().mean());
    let mean = state.path_length_mean + (mean - state.path_length_mean) * settings.decay;
    let deviation = lengths - mean;
    let penalty = (deviation.clone() * deviation).mean();
    let value = finite("path length penalty", scalar(penalty.clone()), state.step)?;
    let mut gradients = (penalty * (settings.weight * settings.interval as f32)).backward();
    let gradients = NamedGradients::take(&generator, &mut gradients);
    state.generator = state.generator_adam.step(generator, &gradients)?.valid();
    state.path_length_mean = mean;
    let stats = PathLengthStats {
        penalty: value,
        mean,
    };
    Ok((state, stats))
}
