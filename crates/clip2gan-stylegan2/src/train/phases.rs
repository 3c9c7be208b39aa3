//! The phases of a step: each makes one update of one network.

use burn::module::Module;
use burn::tensor::Tensor;
use clip2gan_train::NamedGradients;

use crate::train::ada::augmentation;
use crate::train::latents::{self, Latents};
use crate::train::step::{finite, scalar};
use crate::train::{RealBatch, TrainConfig, TrainState};
use crate::{Generator, Result, loss};

/// The name of a part of a phase, by which its random numbers are drawn. The first part has the phase's own name.
fn part_name(phase: &str, part: usize) -> String {
    match part {
        0 => phase.to_owned(),
        _ => format!("{phase}, part {}", part + 1),
    }
}

/// The generator learns; the discriminator is a fixed function, so no work goes into its parameters' gradients.
pub(super) fn generator_phase(
    mut state: TrainState,
    real: &RealBatch,
    config: &TrainConfig,
) -> Result<(TrainState, f32)> {
    let device = state.device();
    let generator = state.generator.clone().train();
    let mut sum = NamedGradients::default();
    let (mut value, mut first_styles) = (0.0, Vec::new());
    for part in 0..config.accumulate {
        let name = part_name("generator phase", part);
        let size = config.part();
        let Latents {
            ws,
            w,
            labels,
            noise,
        } = latents::draw(&generator, config, real, size, &name, state.step, &device);
        let mut fake = generator.synthesis.forward(ws, noise);
        if let Some(seen) = augmentation(state.ada, config, size, &name, state.step, &device) {
            fake = seen.apply(fake);
        }
        let loss = loss::generator_loss(state.discriminator.logits(fake, labels));
        let loss = loss / config.accumulate as f32;
        value += finite("generator loss", scalar(loss.clone()), state.step)?;
        sum.accumulate(NamedGradients::take(&generator, &mut loss.backward()));
        first_styles.push(w);
    }
    let Generator { mapping, synthesis } = state.generator_adam.step(generator, &sum)?.valid();
    let beta = config.w_avg_beta;
    let mapping = first_styles
        .into_iter()
        .fold(mapping, |mapping, w| mapping.update_w_avg(w, beta));
    state.generator = Generator { mapping, synthesis };
    Ok((state, value))
}

/// The discriminator learns to tell `real` from freshly generated images, which are made without a graph.
///
/// Returns its loss, the mean logits of real and of generated images, and the fraction of real ones that it takes for
/// real.
pub(super) fn discriminator_phase(
    mut state: TrainState,
    real: &RealBatch,
    config: &TrainConfig,
) -> Result<(TrainState, [f32; 4])> {
    let device = state.device();
    let discriminator = state.discriminator.clone().train();
    let mut sum = NamedGradients::default();
    let mut figures = [0.0; 4];
    for part in 0..config.accumulate {
        let name = part_name("discriminator phase", part);
        let size = config.part();
        let RealBatch {
            images: mut real_images,
            labels: real_labels,
        } = real.part(part, config);
        let generator = &state.generator;
        let latents = latents::draw(generator, config, real, size, &name, state.step, &device);
        let mut fake = generator.synthesis.forward(latents.ws, latents.noise);
        if state.ada.is_some() {
            let seen = |images: Tensor<4>, what: &str| {
                let name = format!("{name}, {what}");
                match augmentation(state.ada, config, size, &name, state.step, &device) {
                    Some(seen) => seen.apply(images),
                    None => images,
                }
            };
            fake = seen(fake, "generated");
            real_images = seen(real_images, "real");
        }
        let fake_logits = discriminator.logits(fake, latents.labels);
        let real_logits = discriminator.logits(real_images, real_labels);
        let loss = loss::fake_loss(fake_logits.clone()) + loss::real_loss(real_logits.clone());
        let value = finite("discriminator loss", scalar(loss.clone()), state.step)?;
        let loss = loss / config.accumulate as f32;
        sum.accumulate(NamedGradients::take(&discriminator, &mut loss.backward()));
        let (fake_logits, real_logits) = (fake_logits.inner(), real_logits.inner());
        let accuracy = scalar((real_logits.clone().sign() + 1.0).mean() * 0.5);
        let means = [
            value,
            scalar(real_logits.mean()),
            scalar(fake_logits.mean()),
            accuracy,
        ];
        for (figure, mean) in figures.iter_mut().zip(means) {
            *figure += mean / config.accumulate as f32;
        }
    }
    state.discriminator = state.discriminator_adam.step(discriminator, &sum)?.valid();
    Ok((state, figures))
}

/// R1 alone: `k · γ/2 · mean ‖∇ₓD(x)‖²` for the k steps that it stands for.
pub(super) fn r1_phase(
    mut state: TrainState,
    real: &RealBatch,
    config: &TrainConfig,
) -> Result<(TrainState, f32)> {
    let device = state.device();
    let discriminator = state.discriminator.clone().train();
    let mut sum = NamedGradients::default();
    let mut value = 0.0;
    for part in 0..config.accumulate {
        let name = part_name("R1 phase", part);
        let RealBatch { images, labels } = real.part(part, config);
        let seen = augmentation(state.ada, config, config.part(), &name, state.step, &device);
        let r1 = loss::exact_r1(&discriminator, images, labels, seen.as_ref());
        let penalty = finite("R1 penalty", scalar(r1.penalty.mean()), state.step)?;
        value += penalty / config.accumulate as f32;
        let weight = config.r1_gamma * config.r1_interval as f32 / config.batch as f32;
        let mut gradients = (r1.surrogate * weight).backward();
        sum.accumulate(NamedGradients::take(&discriminator, &mut gradients));
    }
    state.discriminator = state.discriminator_adam.step(discriminator, &sum)?.valid();
    Ok((state, value))
}
