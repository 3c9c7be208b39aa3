//! The trainer: a pure [`step`](step::step) on a [`TrainState`], and around it a loop with files.
//!
//! Order of a step (as `training_loop.py` of the reference): generator, every
//! [`path_length.interval`](PathLengthConfig::interval) steps path lengths on their own, discriminator, every
//! [`r1_interval`](TrainConfig::r1_interval) steps R1 on its own, then the running average of the generator.

mod ada;
mod config;
mod event;
mod grid;
mod latents;
mod path_length;
mod phases;
mod real;
mod state;
mod step;
mod trainer;

pub use ada::{AdaConfig, AdaState};
pub use config::TrainConfig;
pub use event::Event;
pub use grid::write_grid;
pub use path_length::PathLengthConfig;
pub use real::RealBatch;
pub use state::TrainState;
pub use step::{StepStats, step};
pub use trainer::{BoxError, GanTrainer};
