//! Everything that a run carries from step to step.

use clip2gan_stylegan2::Generator;
use clip2gan_train::{Adam, AdamConfig, Checkpoint, params};

use super::{Adversary, MapperTrainConfig, MapperTrainer};
use crate::{Bridge, Error, Mapper};

/// A mapper and its optimiser after some number of steps. Both mappers are without autodiff.
#[derive(Clone, Debug)]
pub struct MapperState {
    /// Steps made.
    pub step: u64,
    /// The mapper that is trained.
    pub mapper: Mapper,
    /// Its running average: the one to use.
    pub ema: Mapper,
    /// Its optimiser.
    pub adam: Adam,
    /// The adversarial term's networks, in runs that have it.
    pub adversary: Option<Adversary>,
}

impl MapperState {
    /// The state as a checkpoint, from which [`restore`](Self::restore) goes on exactly.
    pub fn checkpoint(&self) -> Checkpoint {
        let checkpoint = Checkpoint::new(self.step)
            .with_group("mapper", params::to_arrays(&self.mapper))
            .with_group("ema", params::to_arrays(&self.ema))
            .with_group("adam", self.adam.state());
        match &self.adversary {
            Some(adversary) => adversary.save(checkpoint),
            None => checkpoint,
        }
    }

    /// The state of a checkpoint, in the place of this one, whose sizes and device are kept.
    ///
    /// # Errors
    /// Groups or parameters that are missing or do not fit.
    pub fn restore(mut self, mut checkpoint: Checkpoint) -> Result<Self, Error> {
        self.adam.load_state(&checkpoint.take_group("adam")?)?;
        if let Some(adversary) = self.adversary {
            self.adversary = Some(adversary.restore(&mut checkpoint)?);
        }
        Ok(Self {
            step: checkpoint.step,
            mapper: params::load(self.mapper, checkpoint.take_group("mapper")?)?,
            ema: params::load(self.ema, checkpoint.take_group("ema")?)?,
            adam: self.adam,
            adversary: self.adversary,
        })
    }
}

impl MapperTrainer {
    /// The generator to use at this state: the running average of the one that learns along, or the one that was given.
    pub fn generator<'a>(&'a self, state: &'a MapperState) -> &'a Generator {
        match &state.adversary {
            Some(adversary) => &adversary.generator_ema,
            None => &self.generator,
        }
    }

    /// A fresh start at the generator's `w_avg`, with these centring statistics.
    ///
    /// # Errors
    /// [`Error::Argument`] if the statistics are of another width than CLIP's features.
    pub fn start(&self, bridge: Bridge) -> Result<MapperState, Error> {
        let MapperTrainConfig { seed, .. } = self.config;
        let mapper = self
            .config
            .mapper(self.clip.config(), &self.generator_config)
            .init_with_seed(seed, &self.device())
            .starting_at(self.generator.mapping.w_avg.val())?
            .with_bridge(bridge)?;
        let adversary = self.config.adversary.as_ref().map(|adversary| {
            let discriminator = self.discriminator();
            Adversary::new(adversary, discriminator, self.generator.clone())
        });
        Ok(MapperState {
            step: 0,
            adversary,
            ema: mapper.clone(),
            mapper,
            adam: AdamConfig {
                beta2: 0.99,
                ..AdamConfig::default()
            }
            .init(),
        })
    }
}
