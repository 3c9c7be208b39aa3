//! Contrastive training (Radford et al. 2021, sections 2.3 and 2.5).
//!
//! - [`TrainConfig`]: batch, steps, rates;
//! - [`contrastive_loss`]: the loss;
//! - [`step`]: one step, a pure function of [`TrainState`] and [`Batch`];
//! - [`Trainer`]: the loop with evaluation and checkpoints around it, fed by [`Pairs`];
//! - [`retrieval`]: recall at one.

mod config;
mod gradients;
mod loss;
mod retrieval;
mod state;
mod trainer;

pub use config::TrainConfig;
pub use loss::contrastive_loss;
pub use retrieval::{Retrieval, retrieval};
pub use state::{Batch, StepStats, TrainState, step};
pub use trainer::{Event, Pairs, PairsError, Trainer};
