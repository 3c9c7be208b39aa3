//! Layer normalisation (Ba et al. 2016), ε 1e-5.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use clip2gan_kernels::layer_norm;

use super::Init;

/// `(x − mean) / √(var + ε) · weight + bias` over the last axis.
#[derive(Module, Debug)]
pub struct LayerNormalization {
    /// `[width]`.
    pub weight: Param<Tensor<1>>,
    /// `[width]`.
    pub bias: Param<Tensor<1>>,
}

impl LayerNormalization {
    pub(crate) fn new(width: usize, init: &mut Init) -> Self {
        Self {
            weight: init.constant([width], 1.0),
            bias: init.constant([width], 0.0),
        }
    }

    /// Any shape that ends in `width`; the shape stays.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let shape = x.dims();
        let [width] = self.weight.dims();
        let rows = x.reshape([-1, width as i32]);
        layer_norm(rows, self.weight.val(), self.bias.val(), 1e-5).reshape(shape)
    }
}
