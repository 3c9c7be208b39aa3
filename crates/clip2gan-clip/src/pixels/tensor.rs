//! Pictures that come as tensors: resampling as one small matrix for each axis, so that it is differentiable and the model
//! can stand in a loss.

use burn::tensor::{Device, Tensor, TensorData};

use super::filter::{Filter, filters};
use crate::{Clip, ClipConfig};

impl Clip {
    /// Pixels in −1..1, `[batch, 3, height, width]` → `[batch, 3, image_size, image_size]` as the image encoder wants
    /// them. Differentiable. Other sizes are resampled and cropped.
    pub fn normalize_pixels(&self, pixels: Tensor<4>) -> Tensor<4> {
        let size = self.config().vision.image_size;
        let [_, _, height, width] = pixels.dims();
        let device = pixels.device();
        let mut pixels = pixels;
        if [height, width] != [size, size] {
            let [down, across] = filters(height, width, size);
            let down = dense(&down, height, &device).unsqueeze::<4>();
            let across = dense(&across, width, &device).transpose().unsqueeze::<4>();
            // Columns first and limited in between, as PIL does it.
            let narrow = pixels.matmul(across).clamp(-1.0, 1.0);
            pixels = down.matmul(narrow).clamp(-1.0, 1.0);
        }
        // (x + 1)/2 is in 0..1, where the means and deviations are given.
        let ClipConfig { mean, std, .. } = self.config();
        let gain: Vec<f32> = std.iter().map(|s| 0.5 / s).collect();
        let shift: Vec<f32> = mean.iter().zip(std).map(|(m, s)| (0.5 - m) / s).collect();
        let channel =
            |values| Tensor::<4>::from_data(TensorData::new(values, [1, 3, 1, 1]), &device);
        pixels * channel(gain) + channel(shift)
    }
}

/// `[filters, length]`.
fn dense(filters: &[Filter], length: usize, device: &Device) -> Tensor<2> {
    let mut values = vec![0.0f32; filters.len() * length];
    for (row, filter) in values.chunks_exact_mut(length).zip(filters) {
        for (value, weight) in row[filter.start..].iter_mut().zip(&filter.weights) {
            *value = *weight as f32;
        }
    }
    Tensor::from_data(TensorData::new(values, [filters.len(), length]), device)
}
