//! One training step.

use burn::module::Module;
use burn::tensor::Tensor;
use clip2gan_train::{NamedGradients, ema_update, rng};
use rand::RngExt;
use serde::Serialize;

use crate::train::path_length::path_length_phase;
use crate::train::{TrainConfig, TrainState, latents};
use crate::{Error, Generator, Result, loss};

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
}

/// Makes one step on `real [batch, channels, r, r]` (−1..1): a pure function of its arguments.
///
/// # Errors
/// [`Error::Shape`] for another batch than the configuration's, [`Error::NotFinite`] if the run has diverged.
pub fn step(
    state: TrainState,
    real: Tensor<4>,
    config: &TrainConfig,
) -> Result<(TrainState, StepStats)> {
    let expected = [
        config.batch,
        config.img_channels,
        config.resolution,
        config.resolution,
    ];
    if real.dims() != expected {
        return Err(Error::Shape {
            what: "real images",
            expected: expected.into(),
            found: real.dims().into(),
        });
    }
    let number = state.step;
    let real = if config.mirror {
        mirror(real, config, number)
    } else {
        real
    };

    let (state, generator_loss) = generator_phase(state, config)?;
    let (state, path_length) = if config.path_length.is_due(number) {
        let (state, stats) = path_length_phase(state, config)?;
        (state, Some(stats))
    } else {
        (state, None)
    };
    let (state, discriminator) = discriminator_phase(state, real.clone(), config)?;
    let (mut state, r1_penalty) =
        if number.is_multiple_of(config.r1_interval) && config.r1_gamma > 0.0 {
            let (state, penalty) = r1_phase(state, real, config)?;
            (state, Some(penalty))
        } else {
            (state, None)
        };

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
    };
    Ok((state, stats))
}

/// The generator learns; the discriminator is a fixed function, so no work goes into its parameters' gradients.
fn generator_phase(mut state: TrainState, config: &TrainConfig) -> Result<(TrainState, f32)> {
    let device = state.device();
    let generator = state.generator.clone().train();
    let latents = latents::draw(
        &generator,
        config,
        config.batch,
        "generator phase",
        state.step,
        &device,
    );
    let fake = generator.synthesis.forward(latents.ws, latents.noise);
    let loss = loss::generator_loss(state.discriminator.forward(fake));
    let value = finite("generator loss", scalar(loss.clone()), state.step)?;
    let mut gradients = loss.backward();
    let gradients = NamedGradients::take(&generator, &mut gradients);
    let generator = state.generator_adam.step(generator, &gradients)?.valid();
    state.generator = Generator {
        mapping: generator.mapping.update_w_avg(latents.w, config.w_avg_beta),
        ..generator
    };
    Ok((state, value))
}

/// The discriminator learns to tell `real` from freshly generated images, which are made without a graph.
fn discriminator_phase(
    mut state: TrainState,
    real: Tensor<4>,
    config: &TrainConfig,
) -> Result<(TrainState, [f32; 4])> {
    let device = state.device();
    let latents = latents::draw(
        &state.generator,
        config,
        config.batch,
        "discriminator phase",
        state.step,
        &device,
    );
    let fake = state.generator.synthesis.forward(latents.ws, latents.noise);
    let discriminator = state.discriminator.clone().train();
    let fake_logits = discriminator.forward(fake);
    let real_logits = discriminator.forward(real);
    let loss = loss::fake_loss(fake_logits.clone()) + loss::real_loss(real_logits.clone());
    let value = finite("discriminator loss", scalar(loss.clone()), state.step)?;
    let mut gradients = loss.backward();
    let gradients = NamedGradients::take(&discriminator, &mut gradients);
    state.discriminator = state
        .discriminator_adam
        .step(discriminator, &gradients)?
        .valid();
    let (fake_logits, real_logits) = (fake_logits.inner(), real_logits.inner());
    let accuracy = scalar((real_logits.clone().sign() + 1.0).mean() * 0.5);
    Ok((
        state,
        [
            value,
            scalar(real_logits.mean()),
            scalar(fake_logits.mean()),
            accuracy,
        ],
    ))
}

/// R1 alone: `k · γ/2 · mean ‖∇ₓD(x)‖²` for the k steps that it stands for.
fn r1_phase(
    mut state: TrainState,
    real: Tensor<4>,
    config: &TrainConfig,
) -> Result<(TrainState, f32)> {
    let discriminator = state.discriminator.clone().train();
    let r1 = loss::r1(&discriminator, real);
    let value = finite("R1 penalty", scalar(r1.penalty.mean()), state.step)?;
    let weight = config.r1_gamma * config.r1_interval as f32 / config.batch as f32;
    let mut gradients = (r1.surrogate * weight).backward();
    let gradients = NamedGradients::take(&discriminator, &mut gradients);
    state.discriminator = state
        .discriminator_adam
        .step(discriminator, &gradients)?
        .valid();
    Ok((state, value))
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
