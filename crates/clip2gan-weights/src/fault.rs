//! What is wrong inside a file, before it is known how the file is called.

use std::path::Path;

use crate::Error;

/// The result of reading a part of a file.
pub(crate) type Found<T> = std::result::Result<T, Fault>;

/// Why a part of a file could not be read.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The operating system refused.
    Io(std::io::Error),
    /// The bytes are not what the format asks for.
    Invalid(String),
    /// Something that is not on the list of what may be in a checkpoint.
    Refused(String),
    /// The file asks for more than files of its size are given.
    TooLarge(String),
    /// One array is damaged.
    Array { key: String, reason: String },
}

impl Fault {
    pub(crate) fn invalid<T>(reason: impl Into<String>) -> Found<T> {
        Err(Fault::Invalid(reason.into()))
    }

    pub(crate) fn refused<T>(what: impl Into<String>) -> Found<T> {
        Err(Fault::Refused(what.into()))
    }

    pub(crate) fn too_large<T>(what: impl Into<String>) -> Found<T> {
        Err(Fault::TooLarge(what.into()))
    }

    /// The same fault, said of the array `key`.
    pub(crate) fn of_array(self, key: &str) -> Fault {
        match self {
            Fault::Invalid(reason) => Fault::Array {
                key: key.to_owned(),
                reason,
            },
            Fault::TooLarge(what) => Fault::TooLarge(format!("{what} for array `{key}`")),
            other => other,
        }
    }

    /// The error for users, which names the file.
    pub(crate) fn in_file(self, path: &Path, format: &'static str) -> Error {
        let path = path.to_owned();
        match self {
            Fault::Io(source) => Error::Io {
                action: "read",
                path,
                source,
            },
            Fault::Invalid(reason) => Error::Format {
                path,
                format,
                reason,
            },
            Fault::Refused(what) => Error::Refused { path, what },
            Fault::TooLarge(what) => Error::TooLarge { path, what },
            Fault::Array { key, reason } => Error::Array { path, key, reason },
        }
    }
}
