//! What can go wrong with a checkpoint.

use std::path::{Path, PathBuf};

use crate::Dtype;

/// The result of reading or writing a checkpoint.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a checkpoint could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: "read", "write", "rename", …
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not of the format that was expected, or is damaged.
    #[error("{} is not a valid {format} file: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The format expected.
        format: &'static str,
        /// What is wrong with the file.
        reason: String,
    },
    /// The file names or does something that is not on the list of what a checkpoint may; nothing of it was executed.
    #[error("{} was refused: it holds {what}, which no checkpoint needs", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// The file asks for more memory or time than files of its size are given.
    #[error("{} was refused: it asks for {what}, which is out of proportion to the file", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What it asks for.
        what: String,
    },
    /// An array in a file is damaged.
    #[error("array `{key}` of {} cannot be read: {reason}", path.display())]
    Array {
        /// The file.
        path: PathBuf,
        /// The array's name.
        key: String,
        /// What was expected, and what was found.
        reason: String,
    },
    /// An array has a type that this crate does not hold.
    #[error("array `{key}` has type {found}, which is not supported")]
    UnsupportedDtype {
        /// The array's name.
        key: String,
        /// The type found.
        found: String,
    },
    /// An array's bytes do not fit its type and shape.
    #[error(
        "array `{key}` of type {dtype} and shape {shape:?} should hold {expected} bytes, but holds {found}"
    )]
    Length {
        /// The array's name; empty when it has none yet.
        key: String,
        /// Its type.
        dtype: Dtype,
        /// Its shape.
        shape: Vec<usize>,
        /// How many bytes type and shape ask for.
        expected: String,
        /// How many there are.
        found: usize,
    },
    /// A name that the format keeps for itself.
    #[error("`{key}` cannot name an array: the format keeps this name for itself")]
    ReservedName {
        /// The name.
        key: String,
    },
}

impl Error {
    /// An [`Error::Io`] from its parts; made for `map_err`.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.to_path_buf();
        move |source| Error::Io {
            action,
            path,
            source,
        }
    }
}
