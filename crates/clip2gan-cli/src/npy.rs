//! Tensors to NumPy's files.

use std::path::Path;

use burn::tensor::Tensor;
use clip2gan_weights::{Array, npy, write_atomic};

use crate::error::Outcome;

/// Writes a tensor as 32-bit floats, whole or not at all.
pub fn write<const D: usize>(path: &Path, tensor: Tensor<D>) -> Outcome {
    let shape = tensor.dims();
    let values: Vec<f32> = tensor.into_data().iter::<f32>().collect();
    let bytes = npy::to_bytes(&Array::from_f32(shape, &values));
    Ok(write_atomic(path, &bytes)?)
}
