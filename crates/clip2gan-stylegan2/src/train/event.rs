//! What the trainer tells its caller.

use std::path::Path;

use crate::Generator;
use crate::train::StepStats;

/// Something that happened during training.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A step was made.
    Step(&'a StepStats),
    /// A sample grid was written.
    Samples(&'a Path),
    /// A snapshot of the averaged generator was written: the folder and the generator, to be measured.
    Snapshot(&'a Path, &'a Generator),
    /// A checkpoint was written after so many steps.
    Checkpoint(u64),
}
