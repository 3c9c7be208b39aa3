//! Checkpoint readers and writers: files in, named arrays out. Executes nothing.
//!
//! A checkpoint, whatever its format, becomes [`Arrays`]: names to [`Array`]s with a [`Dtype`], a shape and
//! little-endian bytes. The crate knows no tensor library and no model.
//!
//! - [`checkpoint`]: files of any format, read or described;
//! - [`mod@array`]: arrays, and conversions between their types;
//! - [`npy`]: NumPy's format of single arrays, written;
//! - [`safetensors`]: the safetensors format, read and written;
//! - [`mod@file`]: files that are either wholly there or not there at all.

pub mod array;
pub mod checkpoint;
mod error;
mod family;
mod fault;
pub mod file;
pub mod npy;
mod nvlabs;
mod outline;
mod pickle;
pub mod safetensors;
mod torch;

pub use array::{Array, Arrays, Dtype};
pub use checkpoint::{
    Checkpoint, Description, Format, describe, parse_checkpoint, read_checkpoint,
};
pub use error::{Error, Result};
pub use family::Family;
pub use file::write_atomic;
pub use nvlabs::Module;
pub use safetensors::{Metadata, read_safetensors, write_safetensors};

/// The README's example is run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
