//! What can go wrong, in words for whoever runs the benchmarks.

use std::path::PathBuf;

/// A benchmark that could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A preset without the section that a case needs.
    #[error("{}: {reason}, expected a run's settings with a section [gan]", path.display())]
    Preset {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The generator or its training failed.
    #[error(transparent)]
    StyleGan2(#[from] clip2gan_stylegan2::Error),
    /// Weights that cannot be read or written.
    #[error(transparent)]
    Weights(#[from] clip2gan_weights::Error),
    /// The twin's interpreter cannot be started.
    #[error("cannot start {python}: {source}\n{advice}")]
    Python {
        /// The program that was called.
        python: String,
        /// Why.
        source: std::io::Error,
        /// How to get one.
        advice: String,
    },
    /// The twin lacks its packages.
    #[error("{python} cannot import {missing}\n{advice}")]
    Packages {
        /// The interpreter.
        python: String,
        /// The packages.
        missing: String,
        /// How to get them.
        advice: String,
    },
    /// The twin failed.
    #[error("{peer}: {reason}")]
    Peer {
        /// Its name.
        peer: String,
        /// What it said.
        reason: String,
    },
    /// The twin computes something else, so there is nothing to compare.
    #[error("{case}: {peer} computes something else: {found}, expected {expected}")]
    Disagreement {
        /// The case.
        case: String,
        /// The twin.
        peer: String,
        /// What ours gives.
        expected: String,
        /// How the twin differs.
        found: String,
    },
    /// No case has the wanted group and name.
    #[error("no case matches group {group:?} and case {case:?}; expected one of:\n{known}")]
    NoCase {
        /// The wanted group.
        group: String,
        /// The wanted part of a name.
        case: String,
        /// What there is.
        known: String,
    },
}

/// A result with this crate's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;
