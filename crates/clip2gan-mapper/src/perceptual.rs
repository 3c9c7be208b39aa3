//! A perceptual distance between pictures, from a network that is already there: CLIP's own vision tower.
//!
//! As in LPIPS (Zhang et al., arXiv 1801.03924, section 3) each layer's activations are normalised along the channels at
//! every place, and their squared differences summed over channels and averaged over places. Deviations: the layers are the tower's
//! token streams, not a VGG's maps, and every layer weighs the same, for there are no human judgements to fit weights on.

use burn::tensor::Tensor;
use clip2gan_clip::Clip;

/// What CLIP's vision tower makes of a picture.
pub struct Perception {
    /// The token stream after each block, `[n, 1 + patches, width]`; of a residual network, the places after each stage.
    pub layers: Vec<Tensor<3>>,
    /// The picture's feature, `[n, embed_dim]`, not of norm 1.
    pub feature: Tensor<2>,
}

/// Looks at pictures `[n, 3, h, w]` in −1..1 with CLIP's vision tower, keeping every block's tokens.
pub fn perceive(clip: &Clip, images: Tensor<4>) -> Perception {
    let (layers, feature) = clip.visual.perceive(clip.normalize_pixels(images));
    Perception { layers, feature }
}

/// The distance between the activations of two batches of pictures, averaged over layers: 0 where they agree, about 2 where
/// they are unrelated. `layers` and `targets` hold `[n, tokens, width]` per layer, from the first.
///
/// # Panics
/// If the two hold different numbers of layers, or none.
pub fn distance(layers: &[Tensor<3>], targets: &[Tensor<3>]) -> Tensor<1> {
    assert_eq!(layers.len(), targets.len(), "number of layers");
    assert!(!layers.is_empty(), "a perceptual distance needs a layer");
    let total = layers
        .iter()
        .zip(targets)
        .map(|(layer, target)| {
            let difference = unit(layer.clone()) - unit(target.clone());
            difference.square().sum_dim(2).mean()
        })
        .reduce(|sum, layer| sum + layer)
        .expect("a layer");
    total / layers.len() as f64
}

fn unit(tokens: Tensor<3>) -> Tensor<3> {
    let norm = (tokens.clone().square().sum_dim(2) + 1e-10).sqrt();
    tokens / norm
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use clip2gan_train::rng;

    #[test]
    fn unrelated_layers_are_two_apart_and_equal_ones_nothing() {
        let device = Device::flex();
        let draw = |name| rng::randn([2, 9, 64], &mut rng::stream(0, name, 0), &device);
        let a = [draw("a0"), draw("a1")];
        let b = [draw("b0"), draw("b1")];
        let apart: f32 = distance(&a, &b).into_scalar();
        assert!((apart - 2.0).abs() < 0.2, "{apart}");
        let scaled = a.clone().map(|layer| layer * 3.0);
        let same: f32 = distance(&a, &scaled).into_scalar();
        assert!(same < 1e-8, "{same}");
    }
}
