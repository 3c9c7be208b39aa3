//! Benchmarks of the kernels and networks: what is measured, on which inputs, and how much work it is.
//!
//! A [`Case`] is defined once and serves both ways of measuring: `cargo xtask bench` (divan, `groups.rs`) and
//! `cargo xtask bench --against-peers` (`against_peers.rs`), which runs a case and its twins in `peers/` by turns.
//!
//! | module | what |
//! |---|---|
//! | [`case`] | a case, its work, and the list of all |
//! | [`conv`], [`generate`], [`train_step`], [`clip`] | the groups |
//! | [`cost`] | arithmetic and traffic of layers |
//! | [`peaks`] | what the machine can do at most |
//! | [`peer`] | a twin in a process of its own |
//! | [`turns`] | measuring by turns |
//! | [`report`] | tables and lines |

pub mod case;
pub mod clip;
pub mod conv;
pub mod cost;
mod error;
pub mod generate;
pub mod peaks;
pub mod peer;
pub mod report;
pub mod train_step;
pub mod turns;

pub use case::{Case, Scale, Task, Work, cases};
pub use cost::Cost;
pub use error::{Error, Result};
