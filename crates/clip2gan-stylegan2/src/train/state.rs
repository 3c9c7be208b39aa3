//! Everything that a run carries from step to step.

use burn::tensor::Device;
use clip2gan_train::{Adam, AdamConfig, Checkpoint, params};

use crate::train::TrainConfig;
use crate::{Discriminator, Generator, Result};

/// Networks and optimisers after some number of steps. The networks are without autodiff.
#[derive(Clone, Debug)]
pub struct TrainState {
    /// The generator that is trained.
    pub generator: Generator,
    /// Its running average: the one to use.
    pub ema: Generator,
    /// The discriminator.
    pub discriminator: Discriminator,
    /// Optimiser of the generator.
    pub generator_adam: Adam,
    /// Optimiser of the discriminator.
    pub discriminator_adam: Adam,
    /// Steps made.
    pub step: u64,
}

impl TrainState {
    /// A fresh start.
    pub fn new(config: &TrainConfig, device: &Device) -> Self {
        let adam = AdamConfig {
            lr: config.learning_rate,
            beta1: 0.0,
            beta2: 0.99,
            eps: 1e-8,
            weight_decay: 0.0,
        };
        let generator = config.generator().init_seeded(device, config.seed);
        Self {
            ema: generator.clone(),
            generator,
            discriminator: config.discriminator().init_seeded(device, config.seed),
            generator_adam: adam.init(),
            discriminator_adam: adam.lazy(config.r1_interval as usize).init(),
            step: 0,
        }
    }

    /// Where the networks live, without autodiff.
    pub(crate) fn device(&self) -> Device {
        self.generator
            .mapping
            .w_avg
            .val()
            .device()
            .without_autodiff()
    }

    /// Real images seen.
    pub fn images(&self, config: &TrainConfig) -> u64 {
        self.step * config.batch as u64
    }

    /// Everything, as it goes to a file.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint::new(self.step)
            .with_group("generator", params::to_arrays(&self.generator))
            .with_group("ema", params::to_arrays(&self.ema))
            .with_group("discriminator", params::to_arrays(&self.discriminator))
            .with_group("generator_adam", self.generator_adam.state())
            .with_group("discriminator_adam", self.discriminator_adam.state())
    }

    /// The state that [`checkpoint`](Self::checkpoint) was made of, in networks of the same sizes.
    ///
    /// # Errors
    /// If a group is missing or does not fit the networks.
    pub fn restore(self, mut checkpoint: Checkpoint) -> Result<Self> {
        let (mut generator_adam, mut discriminator_adam) =
            (self.generator_adam, self.discriminator_adam);
        generator_adam.load_state(&checkpoint.take_group("generator_adam")?)?;
        discriminator_adam.load_state(&checkpoint.take_group("discriminator_adam")?)?;
        Ok(Self {
            generator: params::load(self.generator, checkpoint.take_group("generator")?)?,
            ema: params::load(self.ema, checkpoint.take_group("ema")?)?,
            discriminator: params::load(
                self.discriminator,
                checkpoint.take_group("discriminator")?,
            )?,
            generator_adam,
            discriminator_adam,
            step: checkpoint.step,
        })
    }
}
