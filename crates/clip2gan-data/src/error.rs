//! What can go wrong when pictures are read, drawn or written.

use std::path::{Path, PathBuf};

/// The error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A picture could not be decoded or encoded.
    #[error("{path}: not a readable picture: {source}")]
    Picture {
        /// The picture's file.
        path: PathBuf,
        /// What the codec said.
        source: image::ImageError,
    },
    /// A folder holds no PNG, JPEG or WebP file.
    #[error("{path}: no .png, .jpg, .jpeg or .webp file in this folder")]
    EmptyFolder {
        /// The folder.
        path: PathBuf,
    },
    /// A line of a caption file is not what it should be.
    #[error("{path}, line {line}: {message}")]
    Captions {
        /// The caption file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// What was expected and what was found.
        message: String,
    },
    /// The class labels of a folder are not what they should be.
    #[error("{path}: {message}")]
    ClassLabels {
        /// The file of labels, or the folder.
        path: PathBuf,
        /// What was expected and what was found, and of which picture.
        message: String,
    },
    /// An index beyond the end of a dataset.
    #[error("index {index} of a dataset with {len} pictures")]
    Index {
        /// The index asked for.
        index: usize,
        /// The number of pictures there are.
        len: usize,
    },
    /// A setting outside its range.
    #[error("{name} is {found}, expected {expected}")]
    Config {
        /// The setting's name.
        name: &'static str,
        /// The allowed values.
        expected: &'static str,
        /// The value found.
        found: String,
    },
    /// A label that the avatars do not have.
    #[error("label {key:?} is {found:?}, expected one of {expected}")]
    Label {
        /// The label's key.
        key: String,
        /// The value found, empty when the label is missing.
        found: String,
        /// The values there are, separated by commas.
        expected: String,
    },
    /// The drawing style's definition is not as this crate knows it.
    #[error("the drawing style: {0}")]
    Style(String),
}

impl Error {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io {
            path: path.to_path_buf(),
            source,
        }
    }

    pub(crate) fn picture(path: &Path, source: image::ImageError) -> Self {
        match source {
            image::ImageError::IoError(source) => Self::io(path, source),
            source => Self::Picture {
                path: path.to_path_buf(),
                source,
            },
        }
    }
}
