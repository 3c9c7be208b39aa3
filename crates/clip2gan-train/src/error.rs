//! What can go wrong around a training step.

use std::path::PathBuf;

/// The result of a fallible part of training.
pub type Result<T> = std::result::Result<T, Error>;

/// Why parameters could not be loaded, updated, saved or resumed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A parameter of the module is not among the arrays.
    #[error("`{key}` (shape {expected:?}) is missing{}", others(*more, "and so is one other", "and so are"))]
    MissingKey {
        /// The parameter's dotted path.
        key: String,
        /// The shape the module wants.
        expected: Vec<usize>,
        /// How many others are missing too.
        more: usize,
    },
    /// An array has no parameter of its name in the module.
    #[error("`{key}` (shape {found:?}) has no place in the module{}", others(*more, "nor has one other", "nor have"))]
    ExtraKey {
        /// The array's name.
        key: String,
        /// Its shape.
        found: Vec<usize>,
        /// How many others have no place either.
        more: usize,
    },
    /// An array has another shape than its parameter.
    #[error("`{key}` should have shape {expected:?}, but has {found:?}")]
    Shape {
        /// The dotted path.
        key: String,
        /// The shape the module wants.
        expected: Vec<usize>,
        /// The shape found.
        found: Vec<usize>,
    },
    /// A file of arrays could not be read or written.
    #[error(transparent)]
    Weights(#[from] clip2gan_weights::Error),
    /// A file is there but says something else than it should.
    #[error("{}: {reason}", path.display())]
    Invalid {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// A checkpoint lacks a group of arrays.
    #[error("the checkpoint of step {step} has no group `{group}`, only {found:?}")]
    MissingGroup {
        /// The checkpoint's step.
        step: u64,
        /// The group asked for.
        group: String,
        /// The groups there.
        found: Vec<String>,
    },
    /// Something could not be written as, or read from, JSON or TOML.
    #[error("cannot convert {what}: {reason}")]
    Convert {
        /// What was to be converted.
        what: &'static str,
        /// Why it was not possible.
        reason: String,
    },
}

/// How the first of several of a kind mentions the others.
fn others(more: usize, one: &str, many: &str) -> String {
    match more {
        0 => String::new(),
        1 => format!(", {one}"),
        more => format!(", {many} {more} others"),
    }
}
