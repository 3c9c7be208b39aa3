//! Self-supervised training of a mapper (CLIP2GAN, section 3.2): a picture's CLIP feature goes through the mapper and the
//! frozen generator and must give the picture again.
//!
//! - [`config`]: every setting;
//! - [`step`]: one step, a pure function of state and batch;
//! - [`state`]: what a run carries from step to step, and its checkpoints;
//! - [`preview`]: pictures to look at during a run;
//! - [`run`]: the loop, with its run directory.

pub mod config;
pub mod preview;
pub mod run;
pub mod state;
pub mod step;

pub use config::{LossWeights, MapperTrainConfig};
pub use run::{Event, MapperRun, Preview};
pub use state::MapperState;
pub use step::{MapperStats, MapperTrainer};
