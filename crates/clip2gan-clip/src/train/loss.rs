//! The symmetric contrastive loss (Radford et al. 2021, figure 3).

use burn::tensor::activation::log_softmax;
use burn::tensor::{Bool, Tensor};

use crate::normalize;

/// Cross entropy of each picture among the sentences and of each sentence among the pictures, averaged.
///
/// `image` and `text`: `[pairs, embed_dim]`, row by row belonging together, of any length. `logit_scale`: `[1]`, the
/// logarithm of the factor on the cosines. The result is `[1]`; it is `ln(pairs)` when nothing has been learnt.
pub fn contrastive_loss(image: Tensor<2>, text: Tensor<2>, logit_scale: Tensor<1>) -> Tensor<1> {
    let [pairs, _] = image.dims();
    let scale = logit_scale.exp().reshape([1, 1]);
    let logits = (normalize(image) * scale).matmul(normalize(text).transpose());
    let others = Tensor::<2, Bool>::diag_mask([pairs, pairs], 0, &logits.device());
    let both = log_softmax(logits.clone(), 1) + log_softmax(logits, 0);
    both.mask_fill(others, 0.0)
        .sum()
        .mul_scalar(-0.5 / pairs as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    /// Unit vectors along the axes and one diagonal: cosines 1, 0, 0.6, 0.8, worked out by hand.
    #[test]
    fn equals_the_formula_worked_out_by_hand() {
        let device = Device::flex();
        let image = Tensor::<2>::from_floats([[2.0, 0.0], [0.6, 0.8]], &device);
        let text = Tensor::<2>::from_floats([[1.0, 0.0], [0.0, 5.0]], &device);
        let scale = Tensor::<1>::from_floats([2f32.ln()], &device);
        let loss: f32 = contrastive_loss(image, text, scale).into_scalar();
        // Logits [[2, 0], [1.2, 1.6]].
        let entropy = |right: f64, wrong: f64| (right.exp() + wrong.exp()).ln() - right;
        let rows = entropy(2.0, 0.0) + entropy(1.6, 1.2);
        let columns = entropy(2.0, 1.2) + entropy(1.6, 0.0);
        let expected = (rows + columns) / 4.0;
        assert!(
            (f64::from(loss) - expected).abs() < 1e-6,
            "{loss} {expected}"
        );
    }

    #[test]
    fn knowing_nothing_costs_the_logarithm_of_the_batch() {
        let device = Device::flex();
        let same = Tensor::<2>::ones([8, 4], &device);
        let loss: f32 =
            contrastive_loss(same.clone(), same, Tensor::ones([1], &device)).into_scalar();
        assert!((loss - 8f32.ln()).abs() < 1e-5);
    }
}
