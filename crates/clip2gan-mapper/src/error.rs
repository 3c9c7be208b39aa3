//! What can go wrong between a feature and a latent.

use std::fmt::Display;
use std::path::{Path, PathBuf};

/// The errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An argument or a setting that cannot be used.
    #[error("{name}: expected {expected}, found {found}")]
    Argument {
        /// The argument or setting.
        name: &'static str,
        /// What would do.
        expected: String,
        /// What was given.
        found: String,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file of picture features that holds something else.
    #[error("{}: expected an array `features` of floats, [pictures, feature_dim]; found {found}", path.display())]
    Memory {
        /// The file.
        path: PathBuf,
        /// What it holds.
        found: String,
    },
    /// A configuration file that cannot be read as one.
    #[error("{}: not a mapper's configuration: {source}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// The loss is no longer a number.
    #[error("the loss of step {step} is {loss}: lower learning_rate or weights.diversity")]
    Diverged {
        /// The step, counted from 1.
        step: u64,
        /// The loss.
        loss: f32,
    },
    /// The source of rendered pictures failed.
    #[error("the pictures of step {step}: {source}")]
    Pictures {
        /// The step that asked for them.
        step: u64,
        /// What the source said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A weights file that cannot be read or written.
    #[error(transparent)]
    Weights(#[from] clip2gan_weights::Error),
    /// Parameters or a checkpoint that do not fit.
    #[error(transparent)]
    Train(#[from] clip2gan_train::Error),
    /// A weights file whose parameters do not fit the configuration beside it.
    #[error("{}: {source}", path.display())]
    Parameters {
        /// The file.
        path: PathBuf,
        /// Which parameter, and how.
        source: clip2gan_train::Error,
    },
}

impl Error {
    pub(crate) fn argument(
        name: &'static str,
        expected: impl Display,
        found: impl Display,
    ) -> Self {
        Self::Argument {
            name,
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }

    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
