//! Self-supervised training of a mapper (CLIP2GAN, section 3.2): a picture's CLIP feature goes through the mapper and the
//! generator, frozen or learning along, and must give the picture again.
//!
//! - [`config`]: every setting;
//! - [`step`]: one step, a pure function of state and batch;
//! - `batch`: what goes into a step: pictures, and the noise of the mapper's input;
//! - [`adversary`]: the adversarial term, and the generator that learns along;
//! - [`stats`]: the weighted sum of losses and what it was made of;
//! - [`state`]: what a run carries from step to step, and its checkpoints;
//! - [`preview`]: pictures to look at during a run;
//! - [`run`]: the loop, with its run directory.

pub mod adversary;
mod batch;
pub mod config;
pub mod preview;
pub mod run;
pub mod state;
pub mod stats;
pub mod step;

pub use adversary::{Adversary, AdversaryConfig};
pub use config::{LossWeights, MapperTrainConfig};
pub use run::{Event, MapperRun, Preview};
pub use state::MapperState;
pub use stats::MapperStats;
pub use step::MapperTrainer;
