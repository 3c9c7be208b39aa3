//! What can go wrong between a folder and a picture.

use std::fmt::Display;
use std::path::{Path, PathBuf};

/// The errors of this crate, those of the crates below among them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A folder that is not a bundle, or lacks a part.
    #[error("{} is missing: expected {expected}", path.display())]
    Missing {
        /// What should be there.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// A bundle's manifest that cannot be used.
    #[error("{}: {field}: expected {expected}, found {found}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// The field at fault, or "the file".
        field: &'static str,
        /// What would do.
        expected: String,
        /// What is there.
        found: String,
    },
    /// Parts of a bundle that do not fit each other.
    #[error("the bundle's parts do not fit: {what}: expected {expected}, found {found}")]
    Unfit {
        /// Which size.
        what: &'static str,
        /// What one part needs.
        expected: String,
        /// What the other has.
        found: String,
    },
    /// An option that cannot be used.
    #[error("{name}: expected {expected}, found {found}")]
    Option {
        /// The option.
        name: &'static str,
        /// What would do.
        expected: String,
        /// What was given.
        found: String,
    },
    /// A device that is not to be had.
    #[error("device '{name}': {reason}; expected {expected}")]
    Device {
        /// The name that was asked for.
        name: String,
        /// Why not.
        reason: String,
        /// What would do.
        expected: String,
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
    /// A file that should be a PNG.
    #[error("{}: not a readable PNG: {reason}", path.display())]
    Png {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// CLIP failed.
    #[error("CLIP: {0}")]
    Clip(#[from] clip2gan_clip::Error),
    /// The mapper failed.
    #[error("mapper: {0}")]
    Mapper(#[from] clip2gan_mapper::Error),
    /// The generator failed.
    #[error("generator: {0}")]
    Generator(#[from] clip2gan_stylegan2::Error),
    /// A file could not be written whole.
    #[error(transparent)]
    Weights(#[from] clip2gan_weights::Error),
}

impl Error {
    pub(crate) fn option(name: &'static str, expected: impl Display, found: impl Display) -> Self {
        Self::Option {
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
