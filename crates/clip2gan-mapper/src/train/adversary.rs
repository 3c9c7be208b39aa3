//! The adversarial term (CLIP2GAN, section 3.2): a discriminator that tells the mapper's pictures from rendered ones.
//!
//! The generator may learn along. It then keeps what it was trained for, pictures from `z` that the discriminator takes for real,
//! while the mapper's losses teach it what the mapper asks of it (as pivotal tuning does for one picture, Roich et al., arXiv
//! 2106.05744). This is more than the paper does, whose generator is frozen; a young generator gains much by it.

use burn::module::Module;
use burn::tensor::Tensor;
use clip2gan_stylegan2::{Discriminator, Generator, loss};
use clip2gan_train::{Adam, AdamConfig, Checkpoint, NamedGradients, ema_update, params};
use serde::{Deserialize, Serialize};

use crate::Error;

/// Decay of the generator's `w_avg`, as in its own training.
const W_AVG_BETA: f32 = 0.995;
/// Pictures that the discriminator's minibatch standard deviation compares.
pub(super) const GROUP: usize = 4;

/// Settings of the adversarial term.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdversaryConfig {
    /// What the term weighs in the mapper's loss.
    pub weight: f64,
    /// The discriminator's learning rate at its highest.
    pub learning_rate: f64,
    /// The generator's learning rate at its highest; 0 leaves the generator as it is.
    pub generator_learning_rate: f64,
    /// Weight γ of R1.
    pub r1_gamma: f32,
    /// R1 is computed every so many steps, and weighs so many times as much.
    pub r1_interval: u64,
}

impl Default for AdversaryConfig {
    fn default() -> Self {
        Self {
            weight: 1.0,
            learning_rate: 0.002,
            generator_learning_rate: 0.0,
            r1_gamma: 0.5,
            r1_interval: 16,
        }
    }
}

impl AdversaryConfig {
    /// Whether the generator learns along.
    pub fn tunes_generator(&self) -> bool {
        self.generator_learning_rate > 0.0
    }

    pub(super) fn validate(&self) -> Result<(), Error> {
        if self.r1_interval == 0 {
            return Err(Error::argument("adversary.r1_interval", "at least 1", 0));
        }
        let not_negative = [
            ("adversary.weight", self.weight),
            ("adversary.learning_rate", self.learning_rate),
            (
                "adversary.generator_learning_rate",
                self.generator_learning_rate,
            ),
            ("adversary.r1_gamma", f64::from(self.r1_gamma)),
        ];
        for (name, value) in not_negative {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::argument(name, "a number from 0", value));
            }
        }
        Ok(())
    }
}

/// The discriminator and the generator of a run with an adversarial term, without autodiff.
#[derive(Clone, Debug)]
pub struct Adversary {
    discriminator: Discriminator,
    discriminator_adam: Adam,
    /// The generator that draws during training.
    pub generator: Generator,
    /// Its running average: the one to use.
    pub generator_ema: Generator,
    generator_adam: Adam,
}

impl Adversary {
    pub(super) fn new(
        config: &AdversaryConfig,
        discriminator: Discriminator,
        generator: Generator,
    ) -> Self {
        let adam = AdamConfig {
            beta1: 0.0,
            beta2: 0.99,
            ..AdamConfig::default()
        };
        Self {
            discriminator,
            discriminator_adam: adam.lazy(config.r1_interval as usize).init(),
            generator_ema: generator.clone(),
            generator,
            generator_adam: adam.init(),
        }
    }

    /// The term: `mean(−log σ(D(fake)))`.
    pub(super) fn judge(&self, fake: Tensor<4>) -> Tensor<1> {
        loss::generator_loss(self.discriminator.forward(fake))
    }

    /// The generator's update. `w [n, w_dim]` are latents of its mapping network.
    pub(super) fn update_generator(
        &mut self,
        (trained, gradients): (Generator, &NamedGradients),
        learning_rate: f64,
        w: Option<Tensor<2>>,
        ema_beta: f64,
    ) -> Result<(), Error> {
        self.generator_adam.config.lr = learning_rate;
        let mut trained = self.generator_adam.step(trained, gradients)?.valid();
        if let Some(w) = w {
            trained.mapping = trained.mapping.update_w_avg(w, W_AVG_BETA);
        }
        self.generator = trained;
        self.generator_ema = ema_update(self.generator_ema.clone(), &self.generator, ema_beta)?;
        // A running mean already: it is copied, not averaged once more.
        self.generator_ema.mapping.w_avg = self.generator.mapping.w_avg.clone();
        Ok(())
    }

    /// The discriminator's update on `real` and `fake` pictures; in every [`r1_interval`](AdversaryConfig::r1_interval)th step R1
    /// with it. Gives its loss, R1 aside.
    pub(super) fn update_discriminator(
        &mut self,
        (real, fake): (Tensor<4>, Tensor<4>),
        config: &AdversaryConfig,
        step: u64,
        learning_rate: f64,
    ) -> Result<f32, Error> {
        let interval = config.r1_interval;
        let lazy = interval as f64 / (interval as f64 + 1.0);
        self.discriminator_adam.config.lr = learning_rate * lazy;
        let discriminator = self.discriminator.clone().train();
        let loss = loss::fake_loss(discriminator.forward(fake))
            + loss::real_loss(discriminator.forward(real.clone()));
        let value = loss.clone().inner().into_scalar();
        self.learn(discriminator, loss)?;
        if step.is_multiple_of(interval) && config.r1_gamma > 0.0 {
            let discriminator = self.discriminator.clone().train();
            let weight = config.r1_gamma * interval as f32 / real.dims()[0] as f32;
            let penalty = loss::r1(&discriminator, real).surrogate * weight;
            self.learn(discriminator, penalty)?;
        }
        Ok(value)
    }

    fn learn(&mut self, discriminator: Discriminator, loss: Tensor<1>) -> Result<(), Error> {
        let gradients = NamedGradients::take(&discriminator, &mut loss.backward());
        let discriminator = self.discriminator_adam.step(discriminator, &gradients)?;
        self.discriminator = discriminator.valid();
        Ok(())
    }

    pub(super) fn save(&self, checkpoint: Checkpoint) -> Checkpoint {
        checkpoint
            .with_group("discriminator", params::to_arrays(&self.discriminator))
            .with_group("discriminator_adam", self.discriminator_adam.state())
            .with_group("generator", params::to_arrays(&self.generator))
            .with_group("generator_ema", params::to_arrays(&self.generator_ema))
            .with_group("generator_adam", self.generator_adam.state())
    }

    pub(super) fn restore(mut self, checkpoint: &mut Checkpoint) -> Result<Self, Error> {
        let mut group = |name: &str| checkpoint.take_group(name);
        self.discriminator_adam
            .load_state(&group("discriminator_adam")?)?;
        self.generator_adam.load_state(&group("generator_adam")?)?;
        Ok(Self {
            discriminator: params::load(self.discriminator, group("discriminator")?)?,
            generator: params::load(self.generator, group("generator")?)?,
            generator_ema: params::load(self.generator_ema, group("generator_ema")?)?,
            ..self
        })
    }
}
