//! What PyTorch saves: tensors over storages, in zip archives or in streams of pickles.

pub(crate) mod legacy;
pub(crate) mod numpy;
pub(crate) mod storage;
pub(crate) mod tensor;
pub(crate) mod zip;
