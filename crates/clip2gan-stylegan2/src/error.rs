//! What can go wrong.

use std::path::PathBuf;

/// Shorthand for a result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A configuration value that no network or run can have.
    #[error("{field} must be {expected}, found {found}")]
    Config {
        /// Name of the field.
        field: String,
        /// What would do.
        expected: String,
        /// What was given.
        found: String,
    },
    /// A configuration file that does not parse.
    #[error("{}: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// A file that cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A key of a checkpoint that is missing, left over or of the wrong kind.
    #[error("checkpoint key `{key}`: expected {expected}, found {found}")]
    Key {
        /// The key.
        key: String,
        /// What was expected there.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A batch of another shape than the network takes.
    #[error("{what} must have shape {expected:?}, found {found:?}")]
    Shape {
        /// What the tensor is.
        what: &'static str,
        /// Expected shape.
        expected: Vec<usize>,
        /// Found shape.
        found: Vec<usize>,
    },
    /// Training has diverged.
    #[error("{what} is {value} at step {step}; {advice}")]
    NotFinite {
        /// Which figure.
        what: &'static str,
        /// Its value.
        value: f32,
        /// The step.
        step: u64,
        /// What to do, naming the last good checkpoint if there is one.
        advice: String,
    },
    /// The source of real images failed.
    #[error("real images: {0}")]
    Data(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Reading or writing weights failed.
    #[error(transparent)]
    Weights(#[from] clip2gan_weights::Error),
    /// Parameters, optimiser or run directory failed.
    #[error(transparent)]
    Train(#[from] clip2gan_train::Error),
}

/// [`Error::Config`] unless the field is `fine`.
pub(crate) fn check(
    fine: bool,
    field: &str,
    expected: impl Into<String>,
    found: impl std::fmt::Display,
) -> Result<()> {
    if fine {
        return Ok(());
    }
    Err(Error::Config {
        field: field.into(),
        expected: expected.into(),
        found: found.to_string(),
    })
}

/// [`Error::Shape`] if a tensor has another shape than expected.
pub(crate) fn check_shape(what: &'static str, expected: &[usize], found: &[usize]) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::Shape {
        what,
        expected: expected.into(),
        found: found.into(),
    })
}
