//! One step of training, as a function.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use clip2gan_train::{Adam, params};
use clip2gan_weights::Arrays;
use serde::{Deserialize, Serialize};

use super::TrainConfig;
use super::gradients::{LossGradients, gradients};
use crate::{Clip, ClipConfig, Error, Layers, Tokenizer};

/// Pictures with their captions.
#[derive(Debug, Clone)]
pub struct Batch {
    /// `[pairs, 3, height, width]` in −1..1.
    pub pixels: Tensor<4>,
    /// One for each picture.
    pub captions: Vec<String>,
}

/// Everything a step changes.
#[derive(Debug, Clone)]
pub struct TrainState {
    /// The model, on an autodiff device.
    pub clip: Clip,
    /// AdamW with its moments.
    pub adam: Adam,
    /// How many steps are done.
    pub step: u64,
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StepStats {
    /// The step's number, from 0.
    pub step: u64,
    /// The contrastive loss, in nats.
    pub loss: f32,
    /// The factor on the cosines, before the step.
    pub scale: f32,
    /// The learning rate.
    pub lr: f64,
    /// Length of the gradient before it was shortened.
    pub gradient_norm: f32,
}

impl TrainState {
    /// The state before the first step, on `device` with autodiff.
    ///
    /// # Errors
    /// Settings or sizes out of range.
    pub fn new(config: &TrainConfig, clip: &ClipConfig, device: &Device) -> Result<Self, Error> {
        config.validate()?;
        clip.validate()?;
        if config.patch_dropout > 0.0 && matches!(clip.vision.layers, Layers::ResNet(_)) {
            return Err(Error::Config {
                field: "patch_dropout",
                expected: "0 for a residual network, which has no patches".into(),
                found: config.patch_dropout.to_string(),
            });
        }
        Ok(Self {
            clip: clip.init_seeded(config.seed, &device.clone().autodiff()),
            adam: Adam::new(config.adam()).decay_only(decays),
            step: 0,
        })
    }

    /// The state in two groups of arrays: the model's and the optimizer's.
    pub fn to_arrays(&self) -> [Arrays; 2] {
        [params::to_arrays(&self.clip), self.adam.state()]
    }

    /// Puts the groups of [`TrainState::to_arrays`], as they were after `step` steps, in the place of this state.
    ///
    /// # Errors
    /// Arrays that are missing, left over or misshapen.
    pub fn load_arrays(mut self, [clip, adam]: [&Arrays; 2], step: u64) -> Result<Self, Error> {
        self.clip = params::load(self.clip, clip)?;
        self.adam.load_state(adam)?;
        self.step = step;
        Ok(self)
    }
}

/// Gains, biases, the class token and the logit scale don't decay.
fn decays(path: &str) -> bool {
    let gain = path
        .rsplit('.')
        .nth(1)
        .is_some_and(|parent| parent.starts_with("ln_"));
    !gain
        && !["bias", "class_embedding", "logit_scale"]
            .iter()
            .any(|name| path.ends_with(name))
}

/// One step of AdamW on the contrastive loss of a batch: a pure function of its arguments.
///
/// # Errors
/// A batch whose pictures and captions don't match in number; a tokenizer with more tokens than the model; a loss that
/// is no longer a number.
pub fn step(
    state: TrainState,
    batch: &Batch,
    tokenizer: &Tokenizer,
    config: &TrainConfig,
) -> Result<(TrainState, StepStats), Error> {
    let TrainState {
        clip,
        mut adam,
        step,
    } = state;
    let [pairs, ..] = batch.pixels.dims();
    if batch.captions.len() != pairs {
        return Err(Error::Shape {
            what: "captions of a batch",
            expected: format!("{pairs}, as many as pictures"),
            found: batch.captions.len().to_string(),
        });
    }
    let scale = clip.logit_scale.val().exp().into_scalar();
    let LossGradients {
        loss,
        mut gradients,
    } = gradients(&clip, batch, tokenizer, config, step)?;
    if !loss.is_finite() {
        return Err(Error::Diverged { step, loss });
    }
    let gradient_norm = gradients.clip_norm(config.max_gradient_norm);
    adam.config.lr = config.schedule().at(step);
    let clip = clamp_scale(adam.step(clip, &gradients)?, config.max_scale.ln());
    let stats = StepStats {
        step,
        loss,
        scale,
        lr: adam.config.lr,
        gradient_norm,
    };
    let step = step + 1;
    Ok((TrainState { clip, adam, step }, stats))
}

/// Keeps the logarithm of the factor on the cosines in `0..=max`.
fn clamp_scale(clip: Clip, max: f32) -> Clip {
    let scale: f32 = clip.logit_scale.val().into_scalar();
    if (0.0..=max).contains(&scale) {
        return clip;
    }
    params::fill(clip, |path, _| {
        (path == "logit_scale").then(|| vec![scale.clamp(0.0, max)])
    })
}

impl TrainState {
    /// The model as it is used: on the plain device, without gradients.
    pub fn trained(&self) -> Clip {
        self.clip.valid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_weights_and_positions_decay() {
        let clip = ClipConfig::avatars().init(&Device::flex());
        for (key, array) in clip.to_arrays() {
            assert_eq!(decays(&key), array.shape.len() >= 2, "{key}");
        }
    }

    #[test]
    fn the_scale_is_clamped() {
        let clip = ClipConfig::avatars().init(&Device::flex());
        let scale = |clip: &Clip| clip.logit_scale.val().into_scalar::<f32>();
        assert_eq!(scale(&clamp_scale(clip.clone(), 1.5)), 1.5);
        assert_eq!(scale(&clamp_scale(clip.clone(), 100f32.ln())), scale(&clip));
    }
}
