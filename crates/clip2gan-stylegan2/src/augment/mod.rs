//! Augmentation of what the discriminator sees (*Training Generative Adversarial Networks with Limited Data*, Karras et al.
//! 2020, section 3 and appendix B; `augment.py` of the reference): the `bgc` pipeline, that is pixel blitting, general
//! geometric and colour transformations.
//!
//! A drawn [`Augmentation`] is an affine map of images, the same for values and, without its constant part, for
//! derivatives. So exact R1 goes through it as through any other layer.

mod color;
mod geometry;
#[cfg(test)]
mod golden;
mod matrix;
mod warp;

use burn::tensor::{Device, Tensor};
use clip2gan_train::rng::ChaCha8Rng;

use crate::tangent::Dual;
use color::{Color, Colors};
use geometry::Geometry;
use warp::Warp;

/// The transformations of one batch, one for each image.
#[derive(Clone, Debug)]
pub struct Augmentation {
    warp: Option<Warp>,
    colors: Option<Colors>,
}

impl Augmentation {
    /// Draws transformations for `[n, channels, side, side]`, each kind with probability `p` (0..=1) for each image.
    pub fn draw(
        p: f64,
        [n, channels, side]: [usize; 3],
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        let inverses = (0..n).map(|_| Geometry::draw(p, rng).inverse(side));
        let inverses: Vec<_> = inverses.collect();
        let colors = (0..n).map(|_| Color::draw(p, rng).matrix());
        let colors: Vec<_> = colors.collect();
        Self {
            warp: Warp::new(&inverses, side, device),
            colors: Colors::new(&colors, channels, device),
        }
    }

    /// `images [n, channels, side, side]` → the same shape.
    pub fn apply(&self, images: Tensor<4>) -> Tensor<4> {
        let images = self.warped(images);
        match &self.colors {
            Some(colors) => colors.apply(images),
            None => images,
        }
    }

    /// The images and the derivative along the tangent.
    pub fn apply_dual(&self, images: Dual<4>) -> Dual<4> {
        let tangent = self.warped(images.tangent);
        let tangent = match &self.colors {
            Some(colors) => colors.apply_linear(tangent),
            None => tangent,
        };
        Dual {
            value: self.apply(images.value),
            tangent,
        }
    }

    fn warped(&self, images: Tensor<4>) -> Tensor<4> {
        match &self.warp {
            Some(warp) => warp.apply(images),
            None => images,
        }
    }
}
