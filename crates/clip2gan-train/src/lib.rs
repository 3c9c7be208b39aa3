//! What every trainer of clip2gan shares: seeded randomness, parameters by name, Adam, EMA, checkpoints, run
//! directories.
//!
//! A training step is a pure function of state and batch; this crate holds what stands around it.
//!
//! - [`rng`]: named streams of random numbers, drawn on the host;
//! - [`params`]: a module's parameters by dotted path, out and in;
//! - [`gradients`]: gradients by the same names;
//! - [`adam`], [`ema`], [`schedule`]: the update rules;
//! - [`checkpoint`], [`stats`], [`run_dir`]: what a run leaves on disk, and how it goes on from there;
//! - [`grid`]: between tensors and pictures.

pub mod adam;
pub mod checkpoint;
pub mod ema;
mod error;
pub mod gradients;
pub mod grid;
pub mod params;
pub mod rng;
pub mod run_dir;
pub mod schedule;
pub mod stats;
#[cfg(test)]
mod testing;

pub use adam::{Adam, AdamConfig};
pub use checkpoint::Checkpoint;
pub use ema::{ema_beta, ema_update};
pub use error::{Error, Result};
pub use gradients::NamedGradients;
pub use run_dir::RunDir;
pub use schedule::Cosine;
pub use stats::Stats;

/// The README's example is run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
