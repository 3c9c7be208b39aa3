//! Networks of other implementations: which of their arrays is which of ours, and the sizes that follow from them.
//!
//! | module | what |
//! |---|---|
//! | [`nvlabs`] | key table of the reference implementation |
//! | [`rosinality`] | key table of rosinality's implementation |
//! | [`sizes`] | a configuration from the shapes of a network's arrays |
//! | [`checkpoint`] | the networks of a checkpoint of either family |

pub mod checkpoint;
pub mod nvlabs;
mod part;
pub mod rosinality;
pub mod sizes;

pub use checkpoint::{CheckpointDiscriminator, CheckpointGenerator, discriminator, generator};
pub use nvlabs::{discriminator_from_nvlabs, generator_from_nvlabs};
pub use part::Part;
