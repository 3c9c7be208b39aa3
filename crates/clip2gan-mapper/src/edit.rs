//! Edits in latent space (CLIP2GAN, section 3.3): a sentence's mapped feature is added to a picture's mapped feature.
//!
//! The sum is taken after the mapper. The paper's form adds the attribute's absolute code, which counts the mean picture
//! twice; the difference form adds only what tells the attribute from a neutral sentence, and the modality gap cancels in it.

use burn::tensor::Tensor;

/// How an attribute's latents join a picture's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EditForm {
    /// [`sum`], the paper's.
    Sum,
    /// [`difference`].
    #[default]
    Difference,
}

/// `M(f_image) + α · M(f_attribute)`; all `[n, num_ws, w_dim]`.
pub fn sum(image: Tensor<3>, attribute: Tensor<3>, alpha: f64) -> Tensor<3> {
    image + attribute * alpha
}

/// `M(f_image) + α · (M(f_attribute) − M(f_neutral))`; all `[n, num_ws, w_dim]`.
pub fn difference(
    image: Tensor<3>,
    attribute: Tensor<3>,
    neutral: Tensor<3>,
    alpha: f64,
) -> Tensor<3> {
    image + (attribute - neutral) * alpha
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use clip2gan_train::rng;

    fn ws(name: &str) -> Tensor<3> {
        rng::randn([2, 4, 3], &mut rng::stream(0, name, 0), &Device::flex())
    }

    fn distance(a: Tensor<3>, b: Tensor<3>) -> f32 {
        (a - b).abs().max().into_scalar()
    }

    #[test]
    fn strength_zero_changes_nothing() {
        assert_eq!(distance(sum(ws("a"), ws("b"), 0.0), ws("a")), 0.0);
        assert_eq!(
            distance(difference(ws("a"), ws("b"), ws("c"), 0.0), ws("a")),
            0.0
        );
    }

    #[test]
    fn the_two_forms_differ_by_the_neutral_code() {
        let lhs = sum(ws("a"), ws("b"), 0.7);
        let rhs = difference(ws("a"), ws("b"), ws("c"), 0.7) + ws("c") * 0.7;
        assert!(distance(lhs, rhs) < 1e-6);
        assert_eq!(
            distance(difference(ws("a"), ws("b"), ws("b"), 3.0), ws("a")),
            0.0
        );
    }
}
