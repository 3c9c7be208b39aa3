//! The mapper's sizes, as data.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::{Error, Mapper};

/// Which latent space the mapper predicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Head {
    /// One `w` for every layer of the generator (the paper's choice).
    W,
    /// One `w` per layer.
    WPlus,
}

/// Sizes of a [`Mapper`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapperConfig {
    /// Width of CLIP's joint space.
    pub feature_dim: usize,
    /// Width of the noise input by which one feature gives many pictures; 0 for none.
    pub noise_dim: usize,
    /// Width of the hidden layers; 512 in the paper.
    pub hidden: usize,
    /// Fully connected layers, the last one being the head; 12 in the paper.
    pub num_layers: usize,
    /// Width of the generator's `w`.
    pub w_dim: usize,
    /// How many `w` the generator's synthesis network takes.
    pub num_ws: usize,
    /// Which latent space is predicted.
    pub head: Head,
}

impl MapperConfig {
    /// The paper's mapper for the given neighbours: 12 layers of 512 units, one `w`; with 32 noise inputs, which the paper
    /// does not have.
    pub fn new(feature_dim: usize, w_dim: usize, num_ws: usize) -> Self {
        Self {
            feature_dim,
            noise_dim: 32,
            hidden: 512,
            num_layers: 12,
            w_dim,
            num_ws,
            head: Head::W,
        }
    }

    /// Checks that every size can be built.
    pub fn validate(&self) -> Result<(), Error> {
        let positive = [
            ("feature_dim", self.feature_dim),
            ("hidden", self.hidden),
            ("w_dim", self.w_dim),
            ("num_ws", self.num_ws),
        ];
        for (name, value) in positive {
            if value == 0 {
                return Err(Error::argument(name, "at least 1", value));
            }
        }
        if self.num_layers < 2 {
            return Err(Error::argument(
                "num_layers",
                "at least 2 (one hidden layer and the head)",
                self.num_layers,
            ));
        }
        Ok(())
    }

    /// A mapper with weights drawn from seed 0. Until [`Mapper::starting_at`] gives it the generator's `w_avg`, it starts at
    /// the origin.
    ///
    /// # Panics
    /// If a size is one that [`validate`](Self::validate) refuses.
    pub fn init(&self, device: &Device) -> Mapper {
        self.init_with_seed(0, device)
    }

    /// As [`init`](Self::init), with weights drawn from `seed`.
    ///
    /// # Panics
    /// If a size is one that [`validate`](Self::validate) refuses.
    pub fn init_with_seed(&self, seed: u64, device: &Device) -> Mapper {
        Mapper::new(self.clone(), Some(seed), device)
    }
}
