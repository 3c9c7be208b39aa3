//! Positional embeddings for pictures of another size.

use burn::module::Param;
use burn::tensor::{Tensor, TensorData};

use crate::pixels::axis;

/// `[1 + from², width]`, the class token's first → `[1 + to², width]`: the grid is resampled as a picture would be, with an
/// antialiased bicubic filter (`resize_pos_embed` of open_clip).
pub(crate) fn resampled(positions: Param<Tensor<2>>, from: usize, to: usize) -> Param<Tensor<2>> {
    positions.map(|positions| {
        let device = positions.device();
        // Rows and columns at once: each new place is a weighted sum of all old ones.
        let filter = axis(from, to);
        let mut weights = vec![0.0f32; to * to * from * from];
        for (place, weights) in weights.chunks_exact_mut(from * from).enumerate() {
            let [down, across] = [&filter[place / to], &filter[place % to]];
            for (y, row) in (down.start..).zip(&down.weights) {
                for (x, column) in (across.start..).zip(&across.weights) {
                    weights[y * from + x] = (row * column) as f32;
                }
            }
        }
        let weights = TensorData::new(weights, [to * to, from * from]);
        let grid = positions.clone().narrow(0, 1, from * from);
        let grid = Tensor::<2>::from_data(weights, &device).matmul(grid);
        Tensor::cat(vec![positions.narrow(0, 0, 1), grid], 0)
    })
}
