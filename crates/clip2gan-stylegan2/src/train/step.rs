//! One training step.

use burn::tensor::Tensor;
use clip2gan_kernels::on_workers;
use clip2gan_train::{ema_update, rng};
use rand::RngExt;
use serde::Serialize;

use crate::train::path_length::path_length_phase;
use crate::train::phases::{discriminator_phase, generator_phase, r1_phase};
use crate::train::{RealBatch, TrainConfig, TrainState};
use crate::{Error, Result};

/// What a step measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepStats {
    /// Number of the step, from 1. Not serialised: a line of `stats.jsonl` begins with it anyway.
    #[serde(skip_serializing)]
    pub step: u64,
    /// Real images seen, this step's included.
    pub images: u64,
    /// Loss of the generator.
    pub generator_loss: f32,
    /// Loss of the discriminator, R1 aside.
    pub discriminator_loss: f32,
    /// Mean logit of real images.
    pub real_logit: f32,
    /// Mean logit of generated images (as the discriminator's phase sees them).
    pub fake_logit: f32,
    /// Fraction of real images that the discriminator takes for real.
    pub real_accuracy: f32,
    /// Mean `‖∇ₓD(x)‖²`, in the steps that regularise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r1_penalty: Option<f32>,
    /// Mean squared deviation of path lengths, in the steps that regularise them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_length_penalty: Option<f32>,
    /// Running mean of path lengths, in the same steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_length_mean: Option<f32>,
    /// Probability of each augmentation, in runs that augment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub augment_p: Option<f32>,
}

/// Makes one step on `real`, images alone or with labels: a pure function of its arguments.
///
/// # Errors
/// [`Error::Shape`] for another batch, or labels, than the configuration's, [`Error::NotFinite`] if the run has diverged.
pub fn step(
    state: TrainState,
    real: impl Into<RealBatch>,
    config: &TrainConfig,
) -> Result<(TrainState, StepStats)> {
    let real = real.into().checked(config)?;
    on_workers(|| phases(state, real, config))
}

fn phases(
    state: TrainState,
    mut real: RealBatch,
    config: &TrainConfig,
) -> Result<(TrainState, StepStats)> {
    let number = state.step;
    if config.mirror {
        real.images = mirror(real.images, config, number);
    }

    let (state, generator_loss) = generator_phase(state, &real, config)?;
    let (state, path_length) = if config.path_length.is_due(number) {
        let (state, stats) = path_length_phase(state, &real, config)?;
        (state, Some(stats))
    } else {
        (state, None)
    };
    let (state, discriminator) = discriminator_phase(state, &real, config)?;
    let (mut state, r1_penalty) =
        if number.is_multiple_of(config.r1_interval) && config.r1_gamma > 0.0 {
            let (state, penalty) = r1_phase(state, &real, config)?;
            (state, Some(penalty))
        } else {
            (state, None)
        };

    let [.., real_accuracy] = discriminator;
    if let (Some(ada), Some(settings)) = (&mut state.ada, &config.ada) {
        ada.observe(2.0 * real_accuracy - 1.0, number, config.batch, settings);
    }
    state.step += 1;
    let images = state.images(config);
    state.ema = ema_update(state.ema, &state.generator, config.ema_beta(images))?;
    // A running mean already: it is copied, not averaged once more.
    state.ema.mapping.w_avg = state.generator.mapping.w_avg.clone();
    let [discriminator_loss, real_logit, fake_logit, real_accuracy] = discriminator;
    let stats = StepStats {
        step: state.step,
        images,
        generator_loss,
        discriminator_loss,
        real_logit,
        fake_logit,
        real_accuracy,
        r1_penalty,
        path_length_penalty: path_length.as_ref().map(|stats| stats.penalty),
        path_length_mean: path_length.as_ref().map(|stats| stats.mean),
        augment_p: state.ada.map(|ada| ada.p),
    };
    Ok((state, stats))
}

/// Mirrors each image with probability ½.
fn mirror(real: Tensor<4>, config: &TrainConfig, step: u64) -> Tensor<4> {
    let mut rng = rng::stream(config.seed, "mirror", step);
    let images = (0..config.batch).map(|index| {
        let image = real.clone().narrow(0, index, 1);
        if rng.random() { image.flip([3]) } else { image }
    });
    Tensor::cat(images.collect(), 0)
}

pub(crate) fn scalar(value: Tensor<1>) -> f32 {
    value.inner().into_scalar::<f32>()
}

pub(crate) fn finite(what: &'static str, value: f32, step: u64) -> Result<f32> {
    if value.is_finite() {
        return Ok(value);
    }
    let advice = "lower learning_rate or raise r1_gamma".into();
    Err(Error::NotFinite {
        what,
        value,
        step,
        advice,
    })
}
