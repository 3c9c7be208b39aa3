//! Pickles, read as data: nothing in them is ever executed.
//!
//! Python's pickle is a program for a stack machine. [`opcodes`] decodes its instructions, [`machine`] runs the harmless
//! ones over [`value`]s, and [`allowed`] is the list of classes and functions a checkpoint may name. A call is not made
//! but written down, as the name of what would be called and its arguments; the readers of checkpoints then take from
//! that what they know.

pub(crate) mod allowed;
pub(crate) mod machine;
mod opcodes;
pub(crate) mod value;

pub(crate) use allowed::Kind;
pub(crate) use machine::load;
pub(crate) use value::{Object, Pickle, Value};
