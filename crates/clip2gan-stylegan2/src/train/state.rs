//! Everything that a run carries from step to step.

use burn::tensor::Device;
use clip2gan_train::{Adam, AdamConfig, Checkpoint, params};
use clip2gan_weights::{Array, Arrays};

use crate::train::{AdaState, TrainConfig};
use crate::{Discriminator, Generator, Result};

/// Group of a checkpoint that holds the running mean of path lengths.
const PATH_LENGTH: &str = "path_length";
/// Group of a checkpoint that holds the state of adaptive augmentation.
const ADA: &str = "ada";

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
    /// Running mean of path lengths: 0 until the first was measured.
    pub path_length_mean: f32,
    /// Adaptive augmentation, if there is any.
    pub ada: Option<AdaState>,
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
        let path_length = &config.path_length;
        let generator_adam = if path_length.weight > 0.0 {
            adam.lazy(path_length.interval as usize)
        } else {
            adam
        };
        let generator = config.generator().init_seeded(device, config.seed);
        Self {
            ema: generator.clone(),
            generator,
            discriminator: config.discriminator().init_seeded(device, config.seed),
            generator_adam: generator_adam.init(),
            discriminator_adam: adam.lazy(config.r1_interval as usize).init(),
            path_length_mean: 0.0,
            ada: config.ada.as_ref().map(AdaState::new),
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
        let mut checkpoint = Checkpoint::new(self.step)
            .with_group("generator", params::to_arrays(&self.generator))
            .with_group("ema", params::to_arrays(&self.ema))
            .with_group("discriminator", params::to_arrays(&self.discriminator))
            .with_group("generator_adam", self.generator_adam.state())
            .with_group("discriminator_adam", self.discriminator_adam.state());
        if let Some(ada) = self.ada {
            checkpoint = checkpoint.with_group(ADA, ada.to_arrays());
        }
        // A run without the regulariser has nothing to keep.
        if self.path_length_mean == 0.0 {
            return checkpoint;
        }
        let mean = Array::from_f32(vec![1], &[self.path_length_mean]);
        checkpoint.with_group(PATH_LENGTH, Arrays::from([("mean".to_owned(), mean)]))
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
        let mean = checkpoint
            .groups
            .remove(PATH_LENGTH)
            .and_then(|group| group.get("mean")?.to_f32().first().copied());
        let ada = checkpoint.groups.remove(ADA);
        let ada = ada.as_ref().and_then(AdaState::from_arrays);
        Ok(Self {
            generator: params::load(self.generator, checkpoint.take_group("generator")?)?,
            ema: params::load(self.ema, checkpoint.take_group("ema")?)?,
            discriminator: params::load(
                self.discriminator,
                checkpoint.take_group("discriminator")?,
            )?,
            generator_adam,
            discriminator_adam,
            path_length_mean: mean.unwrap_or(0.0),
            ada: ada.or(self.ada),
            step: checkpoint.step,
        })
    }
}
