//! Bridges over CLIP's modality gap (Liang et al., arXiv 2203.02053): image and text features live in different cones, so a
//! mapper that has only seen image features meets strange inputs when the text tower takes the image tower's place.
//!
//! Two bridges, used together. *Centring*: each modality's mean of normalised features is subtracted and the rest
//! normalised again, so both clouds sit around the origin. *Noise* at training, `normalize(f̂ + s · normalize(ε))`
//! (clip2latent, arXiv 2210.02347), which makes the mapper read a feature's neighbourhood and not its last digit.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
pub use clip2gan_clip::normalize;

use crate::mapper::buffer;

/// Which of CLIP's towers a feature comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modality {
    /// The vision tower.
    Image,
    /// The text tower.
    Text,
}

/// The mean feature of each modality, kept in the mapper's file.
#[derive(Module, Debug)]
pub struct Bridge {
    /// `[feature_dim]`: mean of normalised image features.
    pub image_mean: Param<Tensor<1>>,
    /// `[feature_dim]`: mean of normalised text features.
    pub text_mean: Param<Tensor<1>>,
}

impl Bridge {
    /// From both modalities' means, `[feature_dim]` each (see [`MeanFeature`]).
    ///
    /// # Panics
    /// If the widths differ.
    pub fn new(image_mean: Tensor<1>, text_mean: Tensor<1>) -> Self {
        assert_eq!(
            image_mean.dims(),
            text_mean.dims(),
            "widths of the two means"
        );
        Self {
            image_mean: buffer(image_mean),
            text_mean: buffer(text_mean),
        }
    }

    /// The bridge that only normalises.
    pub fn zeros(feature_dim: usize, device: &Device) -> Self {
        Self::new(
            Tensor::zeros([feature_dim], device),
            Tensor::zeros([feature_dim], device),
        )
    }

    /// Width of the features.
    pub fn feature_dim(&self) -> usize {
        self.image_mean.val().dims()[0]
    }

    /// `features [n, feature_dim]`, of any norm → centred, of norm 1.
    pub fn centre(&self, features: Tensor<2>, modality: Modality) -> Tensor<2> {
        let mean = match modality {
            Modality::Image => self.image_mean.val(),
            Modality::Text => self.text_mean.val(),
        };
        normalize(normalize(features) - mean.unsqueeze::<2>())
    }
}

/// `f̃ = normalize(f̂ + scale · normalize(ε))`; `features` of norm 1 and `epsilon` from N(0, I), both `[n, feature_dim]`.
/// With scale s the result keeps a cosine of about 1/√(1+s²) with `features`.
pub fn add_noise(features: Tensor<2>, epsilon: Tensor<2>, scale: f64) -> Tensor<2> {
    normalize(features + normalize(epsilon) * scale)
}

/// Gathers the mean of normalised features, batch by batch.
#[derive(Clone, Debug, Default)]
pub struct MeanFeature {
    sum: Option<Tensor<1>>,
    count: usize,
}

impl MeanFeature {
    /// Adds `features [n, feature_dim]`, of any norm.
    pub fn add(&mut self, features: Tensor<2>) {
        let [n, dim] = features.dims();
        let sum = normalize(features).sum_dim(0).reshape([dim]);
        self.sum = Some(match self.sum.take() {
            Some(before) => before + sum,
            None => sum,
        });
        self.count += n;
    }

    /// The mean, `[feature_dim]`; nothing when no feature was added.
    pub fn finish(self) -> Option<Tensor<1>> {
        self.sum.map(|sum| sum / self.count as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clip2gan_train::rng;

    fn cone(seed: u64, offset: f64) -> Tensor<2> {
        let device = Device::flex();
        rng::randn([64, 8], &mut rng::stream(seed, "cone", 0), &device) + offset
    }

    fn scalar(x: Tensor<1>) -> f32 {
        x.into_scalar()
    }

    #[test]
    fn centring_brings_two_cones_together() {
        let (image, text) = (cone(1, 2.0), cone(2, -2.0));
        let mean = |features: &Tensor<2>| {
            let mut mean = MeanFeature::default();
            mean.add(features.clone().narrow(0, 0, 40));
            mean.add(features.clone().narrow(0, 40, 24));
            mean.finish().unwrap()
        };
        let bridge = Bridge::new(mean(&image), mean(&text));
        let gap = |a: Tensor<2>, b: Tensor<2>| {
            scalar((a.mean_dim(0) - b.mean_dim(0)).square().sum().sqrt())
        };
        let before = gap(normalize(image.clone()), normalize(text.clone()));
        let (image, text) = (
            bridge.centre(image, Modality::Image),
            bridge.centre(text, Modality::Text),
        );
        let norms = image.clone().square().sum_dim(1).sqrt();
        assert!(scalar((norms - 1.0).abs().max()) < 1e-5);
        let after = gap(image, text);
        assert!(
            before > 1.5 && after < 0.3,
            "gap {before} before, {after} after"
        );
    }

    #[test]
    fn the_mean_does_not_depend_on_the_batches() {
        let features = cone(3, 1.0);
        let (mut whole, mut parts) = (MeanFeature::default(), MeanFeature::default());
        whole.add(features.clone());
        parts.add(features.clone().narrow(0, 0, 10));
        parts.add(features.narrow(0, 10, 54));
        let difference = whole.finish().unwrap() - parts.finish().unwrap();
        assert!(scalar(difference.abs().max()) < 1e-6);
        assert!(MeanFeature::default().finish().is_none());
    }

    #[test]
    fn noise_turns_features_by_its_scale() {
        let device = Device::flex();
        let dim = 256;
        let draw = |name| rng::randn([32, dim], &mut rng::stream(0, name, 0), &device);
        let features = normalize(draw("f"));
        for scale in [0.0, 0.75, 1.5] {
            let noisy = add_noise(features.clone(), draw("e"), scale);
            let cosine = scalar((features.clone() * noisy).sum_dim(1).mean());
            let expected = 1.0 / (1.0 + scale * scale).sqrt();
            assert!(
                (cosine as f64 - expected).abs() < 0.03,
                "scale {scale}: {cosine}"
            );
        }
    }
}
