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

/// One image's inverse transformation.
pub fn draw(p: f64, side: usize, rng: &mut ChaCha8Rng) -> Matrix<3> {
    let mut chance = Chance(rng);
    let side = side as f64;
    let mut inverse = identity();
    let mut then = |step: Matrix<3>| inverse = product(&inverse, &step);

    // Pixel blitting: flips, quarter turns, whole pixels.
    let flip = (chance.uniform() * 2.0).floor();
    then(scaling(1.0 - 2.0 * chance.choose(p, flip, 0.0), 1.0));
    let quarters = (chance.uniform() * 4.0).floor();
    then(rotation(FRAC_PI_2 * chance.choose(p, quarters, 0.0)));
    let shift = [(); 2].map(|()| (chance.uniform() * 2.0 - 1.0) * XINT_MAX);
    let [x, y] = chance.choose(p, shift, [0.0; 2]);
    then(translation(-(x * side).round(), -(y * side).round()));

    // General geometric transformations.
    let scale = (chance.normal() * SCALE_STD).exp2();
    let scale = chance.choose(p, scale, 1.0);
    then(scaling(1.0 / scale, 1.0 / scale));
    // Two rotations, before and after the stretching: together with probability p.
    let p_rotation = 1.0 - (1.0 - p).clamp(0.0, 1.0).sqrt();
    let angle = (chance.uniform() * 2.0 - 1.0) * PI;
    then(rotation(chance.choose(p_rotation, angle, 0.0)));
    let stretch = (chance.normal() * ANISO_STD).exp2();
    let stretch = chance.choose(p, stretch, 1.0);
    then(scaling(1.0 / stretch, stretch));
    let angle = (chance.uniform() * 2.0 - 1.0) * PI;
    then(rotation(chance.choose(p_rotation, angle, 0.0)));
    let shift = [(); 2].map(|()| chance.normal() * XFRAC_STD);
    let [x, y] = chance.choose(p, shift, [0.0; 2]);
    then(translation(-x * side, -y * side));
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;
    use clip2gan_train::rng;

    #[test]
    fn probability_zero_leaves_every_pixel_in_its_place() {
        let mut rng = rng::stream(0, "geometry", 0);
        for _ in 0..20 {
            assert_eq!(draw(0.0, 64, &mut rng), identity());
        }
    }

    #[test]
    fn transformations_keep_areas_on_average() {
        let mut rng = rng::stream(0, "geometry", 1);
        let logs = (0..2000).map(|_| {
            let m = draw(1.0, 64, &mut rng);
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
