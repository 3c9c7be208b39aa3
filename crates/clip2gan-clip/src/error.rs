//! What can go wrong, said so that a person can act on it.

use std::path::PathBuf;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file is no picture that can be read.
    #[error("{}: {source}; expected a PNG, JPEG or WebP picture", path.display())]
    Picture {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: image::ImageError,
    },
    /// A JSON file does not hold what it should.
    #[error("{}: not a valid CLIP configuration: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and what is wrong.
        source: serde_json::Error,
    },
    /// The sizes of a configuration do not go together.
    #[error("CLIP configuration: {field} is {found}, expected {expected}")]
    Config {
        /// The field at fault.
        field: &'static str,
        /// What it must be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// The tokenizer could not be loaded, trained or used.
    #[error("tokenizer{}: {reason}", .path.as_ref().map(|p| format!(" {}", p.display())).unwrap_or_default())]
    Tokenizer {
        /// The file, where there is one.
        path: Option<PathBuf>,
        /// What is wrong.
        reason: String,
    },
    /// A weight file could not be read or written.
    #[error(transparent)]
    Weights(#[from] clip2gan_weights::Error),
    /// Parameters are missing, left over or misshapen, or a checkpoint is damaged.
    #[error(transparent)]
    Train(#[from] clip2gan_train::Error),
    /// An array of a checkpoint that is missing, left over or of another kind.
    #[error("checkpoint key `{key}`: expected {expected}, found {found}")]
    Key {
        /// The key.
        key: String,
        /// What was expected there.
        expected: String,
        /// What was found.
        found: String,
    },
    /// The source of training pairs failed.
    #[error("the training pairs of step {step}: {source}")]
    Pairs {
        /// The step that asked for them.
        step: u64,
        /// What the source said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A batch has another shape than the model wants.
    #[error("{what}: expected {expected}, found {found}")]
    Shape {
        /// The tensor or list at fault.
        what: &'static str,
        /// What it must be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// The loss is no longer a number: the learning rate is too high or the pairs are broken.
    #[error("the loss of step {step} is {loss}: lower the learning rate")]
    Diverged {
        /// The step.
        step: u64,
        /// The loss.
        loss: f32,
    },
}
