//! The parts both towers are made of. Field names are the names of OpenAI's state dictionary, so that the path of a
//! field is the key of its tensor; weights are stored `[out, in]` as there.

mod attention;
mod block;
mod init;
mod linear;
mod norm;

pub use attention::MultiHeadAttention;
pub use block::{Mlp, ResidualAttentionBlock, Transformer};
pub(crate) use init::Init;
pub use linear::{EmbeddingTable, PatchEmbedding, Projection};
pub use norm::LayerNormalization;
