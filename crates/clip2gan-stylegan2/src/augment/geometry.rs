//! Where each pixel comes from: the inverse of a random transformation of the plane, about the image's centre and in pixels.

use std::f64::consts::{FRAC_PI_2, PI};

use clip2gan_train::rng::ChaCha8Rng;

use super::matrix::{Chance, Matrix, identity, product, rotation, scaling, translation};

/// Largest integer translation, relative to the side.
const XINT_MAX: f64 = 0.125;
/// Deviation of log₂ of isotropic scaling.
const SCALE_STD: f64 = 0.2;
/// Deviation of log₂ of anisotropic scaling.
const ANISO_STD: f64 = 0.2;
/// Deviation of fractional translation, relative to the side.
const XFRAC_STD: f64 = 0.125;

/// One image's transformation.
#[derive(Clone, Debug, PartialEq)]
pub struct Geometry {
    /// 1 if mirrored, else 0.
    pub flip: f64,
    /// Quarter turns.
    pub quarters: f64,
    /// Translation relative to the side, rounded to whole pixels.
    pub whole_shift: [f64; 2],
    /// Factor of both axes.
    pub scale: f64,
    /// Rotation before the stretching, in radians.
    pub before: f64,
    /// Factor of the x axis; the y axis is divided by it.
    pub stretch: f64,
    /// Rotation after the stretching, in radians.
    pub after: f64,
    /// Translation relative to the side.
    pub shift: [f64; 2],
}

impl Geometry {
    /// Each kind with probability `p`.
    pub fn draw(p: f64, rng: &mut ChaCha8Rng) -> Self {
        let mut chance = Chance(rng);
        // Pixel blitting: flips, quarter turns, whole pixels.
        let flip = (chance.uniform() * 2.0).floor();
        let flip = chance.choose(p, flip, 0.0);
        let quarters = (chance.uniform() * 4.0).floor();
        let quarters = chance.choose(p, quarters, 0.0);
        let whole_shift = [(); 2].map(|()| (chance.uniform() * 2.0 - 1.0) * XINT_MAX);
        let whole_shift = chance.choose(p, whole_shift, [0.0; 2]);

        // General geometric transformations.
        let scale = (chance.normal() * SCALE_STD).exp2();
        let scale = chance.choose(p, scale, 1.0);
        // Two rotations, before and after the stretching: together with probability p.
        let p_rotation = 1.0 - (1.0 - p).clamp(0.0, 1.0).sqrt();
        let before = (chance.uniform() * 2.0 - 1.0) * PI;
        let before = chance.choose(p_rotation, before, 0.0);
        let stretch = (chance.normal() * ANISO_STD).exp2();
        let stretch = chance.choose(p, stretch, 1.0);
        let after = (chance.uniform() * 2.0 - 1.0) * PI;
        let after = chance.choose(p_rotation, after, 0.0);
        let shift = [(); 2].map(|()| chance.normal() * XFRAC_STD);
        let shift = chance.choose(p, shift, [0.0; 2]);
        Self {
            flip,
            quarters,
            whole_shift,
            scale,
            before,
            stretch,
            after,
            shift,
        }
    }

    /// The matrix that leads from a place in the result to one in an image of this side.
    pub fn inverse(&self, side: usize) -> Matrix<3> {
        let side = side as f64;
        let [whole_x, whole_y] = self.whole_shift.map(|shift| (shift * side).round());
        let [x, y] = self.shift;
        let steps = [
            scaling(1.0 - 2.0 * self.flip, 1.0),
            rotation(FRAC_PI_2 * self.quarters),
            translation(-whole_x, -whole_y),
            scaling(1.0 / self.scale, 1.0 / self.scale),
            rotation(self.before),
            scaling(1.0 / self.stretch, self.stretch),
            rotation(self.after),
            translation(-x * side, -y * side),
        ];
        let then = |inverse, step| product(&inverse, &step);
        steps.into_iter().fold(identity(), then)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clip2gan_train::rng;

    #[test]
    fn probability_zero_leaves_every_pixel_in_its_place() {
        let mut rng = rng::stream(0, "geometry", 0);
        for _ in 0..20 {
            assert_eq!(Geometry::draw(0.0, &mut rng).inverse(64), identity());
        }
    }

    #[test]
    fn transformations_keep_areas_on_average() {
        let mut rng = rng::stream(0, "geometry", 1);
        let logs = (0..2000).map(|_| {
            let m = Geometry::draw(1.0, &mut rng).inverse(64);
            (m[0][0] * m[1][1] - m[0][1] * m[1][0]).abs().log2()
        });
        let logs: Vec<f64> = logs.collect();
        let mean = logs.iter().sum::<f64>() / logs.len() as f64;
        let variance = logs.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / logs.len() as f64;
        // Twice the deviation of one side's scaling.
        assert!(mean.abs() < 0.04, "{mean}");
        assert!((variance.sqrt() - 2.0 * SCALE_STD).abs() < 0.03);
    }
}
