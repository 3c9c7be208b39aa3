//! What the trainer tells its caller.

use std::path::Path;

use crate::train::StepStats;

/// Something that happened during training.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A step was made.
    Step(&'a StepStats),
    /// A sample grid was written.
    Samples(&'a Path),
    /// A checkpoint was written after so many steps.
    Checkpoint(u64),
}
