//! Latents from NumPy's files.

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use clip2gan_weights::{Array, read_checkpoint};

use crate::error::{Failure, Outcome};
use crate::network::Network;

/// Name of the latents in a file of upstream's `projector.py`.
const ARRAY: &str = "w";

/// The latents `[pictures, num_ws, w_dim]` of a file, whose array may also be `[pictures, w_dim]`.
pub fn read(path: &Path, network: &Network, device: &Device) -> Outcome<Tensor<3>> {
    let [num_ws, w_dim] = [network.generator.num_ws(), network.config.w_dim];
    let wrong = |found: String| {
        Failure::failed(format!("--projected-w: {}: {found}", path.display())).expected(format!(
            "an array `{ARRAY}` of floats, [pictures, {num_ws}, {w_dim}] or [pictures, {w_dim}]"
        ))
    };
    let file = read_checkpoint(path).map_err(|error| wrong(error.to_string()))?;
    let array = file
        .arrays
        .get(ARRAY)
        .ok_or_else(|| wrong("no such array".into()))?;
    if !array.dtype.is_float() || array.is_empty() {
        let (dtype, shape) = (array.dtype, &array.shape);
        return Err(wrong(format!("{dtype} of shape {shape:?}")));
    }
    match array.shape[..] {
        [_, layers, width] if [layers, width] == [num_ws, w_dim] => Ok(tensor(array, device)),
        [_, width] if width == w_dim => Ok(network.generator.broadcast(tensor(array, device))),
        _ => Err(wrong(format!("shape {:?}", array.shape))),
    }
}

fn tensor<const D: usize>(array: &Array, device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(array.to_f32(), array.shape.clone()), device)
}
