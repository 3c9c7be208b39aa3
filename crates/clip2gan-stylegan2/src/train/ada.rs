//! How strongly images are augmented: steered by how sure the discriminator is of its real images (*Training Generative
//! Adversarial Networks with Limited Data*, section 3.1).

use burn::tensor::Device;
use clip2gan_train::rng;
use clip2gan_weights::{Array, Arrays};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::augment::Augmentation;
use crate::error::check;
use crate::train::TrainConfig;

/// Settings of adaptive augmentation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdaConfig {
    /// The mean sign of the real images' logits to aim at, −1..1. Above it the discriminator overfits.
    pub target: f32,
    /// The probability is adjusted every so many steps.
    pub interval: u64,
    /// Thousands of images in which the probability can move from 0 to 1.
    pub kimg: f64,
    /// The probability at the start, 0..1.
    pub initial: f64,
}

impl Default for AdaConfig {
    fn default() -> Self {
        Self {
            target: 0.6,
            interval: 4,
            kimg: 500.0,
            initial: 0.0,
        }
    }
}

impl AdaConfig {
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) naming the field.
    pub(crate) fn validate(&self, img_channels: usize) -> Result<()> {
        check(
            (-1.0..=1.0).contains(&self.target),
            "ada.target",
            "in -1..=1",
            self.target,
        )?;
        check(
            self.interval > 0,
            "ada.interval",
            "at least 1",
            self.interval,
        )?;
        check(self.kimg > 0.0, "ada.kimg", "above 0", self.kimg)?;
        check(
            (0.0..=1.0).contains(&self.initial),
            "ada.initial",
            "in 0..=1",
            self.initial,
        )?;
        check(
            matches!(img_channels, 1 | 3),
            "img_channels",
            "1 or 3 with ada, which changes colours",
            img_channels,
        )
    }
}

/// The probability, and what was seen since it was last adjusted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AdaState {
    /// Probability of each kind of transformation, 0..1.
    pub p: f32,
    /// Sum of the mean signs of real logits.
    signs: f32,
    /// Of so many steps.
    steps: f32,
}

impl AdaState {
    pub(crate) fn new(config: &AdaConfig) -> Self {
        Self {
            p: config.initial as f32,
            ..Self::default()
        }
    }

    /// Takes a step's mean sign of real logits, −1..1, and adjusts the probability when it is time.
    pub(crate) fn observe(&mut self, sign: f32, step: u64, batch: usize, config: &AdaConfig) {
        self.signs += sign;
        self.steps += 1.0;
        if !(step + 1).is_multiple_of(config.interval) {
            return;
        }
        let images = batch as f64 * config.interval as f64;
        let amount = (images / (config.kimg * 1000.0)) as f32;
        let excess = self.signs / self.steps - config.target;
        // Exactly on target nothing moves; `signum` of 0 would be 1.
        let direction = if excess == 0.0 { 0.0 } else { excess.signum() };
        *self = Self {
            p: (self.p + direction * amount).clamp(0.0, 1.0),
            ..Self::default()
        };
    }

    pub(crate) fn to_arrays(self) -> Arrays {
        let values = [self.p, self.signs, self.steps];
        Arrays::from([("state".to_owned(), Array::from_f32([3], &values))])
    }

    pub(crate) fn from_arrays(arrays: &Arrays) -> Option<Self> {
        let values = arrays.get("state")?.to_f32();
        let [p, signs, steps] = values.try_into().ok()?;
        Some(Self { p, signs, steps })
    }
}

/// The transformations of `phase` in step `step`: none without adaptive augmentation, or at probability 0.
pub(crate) fn augmentation(
    state: Option<AdaState>,
    config: &TrainConfig,
    n: usize,
    phase: &str,
    step: u64,
    device: &Device,
) -> Option<Augmentation> {
    let p = state.map(|state| f64::from(state.p)).filter(|p| *p > 0.0)?;
    let mut rng = rng::stream(config.seed, &format!("augment {phase}"), step);
    let shape = [n, config.img_channels, config.resolution];
    Some(Augmentation::draw(p, shape, &mut rng, device))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probability_follows_the_signs() {
        let config = AdaConfig {
            kimg: 0.064,
            ..AdaConfig::default()
        };
        let mut state = AdaState::new(&config);
        let mut observe = |signs: [f32; 4]| {
            for (step, sign) in (0..).zip(signs) {
                state.observe(sign, step, 4, &config);
            }
            state.p
        };
        assert_eq!(observe([0.7; 4]), 0.25);
        assert_eq!(observe([1.0, 1.0, 0.0, 0.5]), 0.5);
        assert_eq!(observe([0.0; 4]), 0.25);
        assert_eq!(observe([-1.0; 4]), 0.0);
        assert_eq!(observe([-1.0; 4]), 0.0);
        (0..9).for_each(|_| {
            observe([1.0; 4]);
        });
        assert_eq!(observe([1.0; 4]), 1.0);
    }
}
