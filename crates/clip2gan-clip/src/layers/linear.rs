//! Affine maps and tables, with PyTorch's layout of the weights.

use burn::module::{Module, Param};
use burn::tensor::{Int, Tensor};
use clip2gan_kernels::{Nonlinearity, linear, linear_add};

use super::Init;

/// `y = x Wᵀ + b`.
#[derive(Module, Debug)]
pub struct Projection {
    /// `[out, in]`.
    pub weight: Param<Tensor<2>>,
    /// `[out]`.
    pub bias: Param<Tensor<1>>,
}

impl Projection {
    pub(crate) fn new(input: usize, output: usize, std: f32, init: &mut Init) -> Self {
        Self {
            weight: init.normal([output, input], std),
            bias: init.constant([output], 0.0),
        }
    }

    /// `[rows, in]` → `[rows, out]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.forward_then(x, Nonlinearity::None)
    }

    /// The same, with a non-linearity after it.
    pub fn forward_then(&self, x: Tensor<2>, nonlinearity: Nonlinearity) -> Tensor<2> {
        linear(x, self.weight.val(), Some(self.bias.val()), nonlinearity)
    }

    /// `residual + x Wᵀ + b`, with a residual of the result's shape.
    pub fn forward_add(&self, x: Tensor<2>, residual: Tensor<2>) -> Tensor<2> {
        linear_add(x, self.weight.val(), self.bias.val(), residual)
    }
}

/// A row for each token.
#[derive(Module, Debug)]
pub struct EmbeddingTable {
    /// `[vocab_size, width]`.
    pub weight: Param<Tensor<2>>,
}

impl EmbeddingTable {
    pub(crate) fn new(rows: usize, width: usize, init: &mut Init) -> Self {
        Self {
            weight: init.normal([rows, width], 0.02),
        }
    }

    /// `[batch, length]` ids → `[batch, length, width]`.
    pub fn forward(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        let [batch, length] = ids.dims();
        let [_, width] = self.weight.dims();
        self.weight
            .val()
            .select(0, ids.reshape([batch * length]))
            .reshape([batch, length, width])
    }
}

/// The bias-free patch convolution: kernel and stride are the patch size, so it is one matrix product over patches laid
/// out as rows.
#[derive(Module, Debug)]
pub struct PatchEmbedding {
    /// `[width, 3, patch, patch]`.
    pub weight: Param<Tensor<4>>,
}

impl PatchEmbedding {
    pub(crate) fn new(patch: usize, width: usize, init: &mut Init) -> Self {
        let fan_in = 3 * patch * patch;
        Self {
            weight: init.normal([width, 3, patch, patch], (fan_in as f32).powf(-0.5)),
        }
    }

    /// `[batch, 3, size, size]` → `[batch, (size/patch)², width]`, patches row by row.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<3> {
        let [batch, channels, height, width] = x.dims();
        let [out, _, patch, _] = self.weight.dims();
        let [rows, columns] = [height / patch, width / patch];
        let length = channels * patch * patch;
        let patches = x
            .reshape([batch, channels, rows, patch, columns, patch])
            .permute([0, 2, 4, 1, 3, 5])
            .reshape([batch * rows * columns, length]);
        let weight = self.weight.val().reshape([out, length]);
        linear(patches, weight, None, Nonlinearity::None).reshape([batch, rows * columns, out])
    }
}
