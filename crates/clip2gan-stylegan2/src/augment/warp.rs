//! Images under transformations of the plane, resampled without aliasing: reflected at their borders, doubled in size with
//! a wavelet's filter, sampled bilinearly, and halved again. Moves by whole pixels lose nothing, because the filter is
//! orthogonal to its even translates.

use burn::tensor::{Device, Int, Tensor, TensorData};
use clip2gan_kernels::upfirdn2d;

use super::matrix::{Matrix, identity, product, scaling, translation};

/// The low-pass filter of the wavelet sym6, which sums to √2.
const SYM6: [f64; 12] = [
    0.015404109327027373,
    0.0034907120842174702,
    -0.11799011114819057,
    -0.048311742585633,
    0.4910559419267466,
    0.787641141030194,
    0.3379294217276218,
    -0.07263752278646252,
    -0.021060292512300564,
    0.04472490177066578,
    0.0017677118642428036,
    -0.007800708325034148,
];
/// How far the filter reaches on each side, in pixels of the image.
const REACH: usize = SYM6.len() / 4;

/// Where the pixels of a batch come from.
#[derive(Clone, Debug)]
pub struct Warp {
    /// Which row or column stands in each place of the reflected image.
    columns: Tensor<1, Int>,
    rows: Tensor<1, Int>,
    /// The four neighbours of each sampled point: `[n, 1, points]`, places in the doubled image and weights.
    taps: [(Tensor<3, Int>, Tensor<3>); 4],
    side: usize,
}

impl Warp {
    /// From `inverses`, the matrices that lead from a place in the result (in pixels from the centre) to one in the
    /// image; none if nothing moves.
    pub fn new(inverses: &[Matrix<3>], side: usize, device: &Device) -> Option<Self> {
        if inverses.iter().all(|inverse| *inverse == identity()) {
            return None;
        }
        let margins = margins(inverses, side);
        let [left, top, right, bottom] = margins;
        let [width, height] = [left + side + right, top + side + bottom].map(|length| 2 * length);
        // The result is sampled with a border, which the halving filter eats up.
        let sampled = 2 * (side + 2 * REACH);

        let points = sampled * sampled;
        let mut places = [(); 4].map(|()| Vec::with_capacity(inverses.len() * points));
        let mut weights = [(); 4].map(|()| Vec::with_capacity(inverses.len() * points));
        for inverse in inverses {
            let source = source(inverse, margins);
            for point in 0..points {
                let centred = |place: usize| place as f64 + 0.5 - sampled as f64 / 2.0;
                let [x, y] = [centred(point % sampled), centred(point / sampled)];
                let [x, y] = [0, 1].map(|row| {
                    let [a, b, c] = source[row];
                    a * x + b * y + c
                });
                let x = x + width as f64 / 2.0 - 0.5;
                let y = y + height as f64 / 2.0 - 0.5;
                for (tap, (dx, dy)) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)]
                    .into_iter()
                    .enumerate()
                {
                    let (column, row) = (x.floor() + dx, y.floor() + dy);
                    let weight = (1.0 - (x - column).abs()) * (1.0 - (y - row).abs());
                    let inside = (0.0..width as f64).contains(&column)
                        && (0.0..height as f64).contains(&row);
                    let (place, weight) = match inside {
                        true => (row as usize * width + column as usize, weight),
                        false => (0, 0.0),
                    };
                    places[tap].push(place as i32);
                    weights[tap].push(weight as f32);
                }
            }
        }
        let shape = [inverses.len(), 1, points];
        let mut taps = places.into_iter().zip(weights).map(|(places, weights)| {
            (
                Tensor::from_data(TensorData::new(places, shape), device),
                Tensor::from_data(TensorData::new(weights, shape), device),
            )
        });
        let taps = [(); 4].map(|()| taps.next().expect("four taps"));
        Some(Self {
            columns: reflected(side, left, right, device),
            rows: reflected(side, top, bottom, device),
            taps,
            side,
        })
    }

    /// `[n, c, side, side]`, and so is the result.
    pub fn apply(&self, images: Tensor<4>) -> Tensor<4> {
        let taps = SYM6.map(|tap| (tap / std::f64::consts::SQRT_2) as f32);
        let padded = images
            .select(3, self.columns.clone())
            .select(2, self.rows.clone());
        let doubled = upfirdn2d(padded, &taps, 2, 1, [6, 5, 6, 5], 4.0);
        let [n, c, height, width] = doubled.dims();
        let flat = doubled.reshape([n, c, height * width]);
        let sampled = self.taps.clone().map(|(places, weights)| {
            let points = places.dims()[2];
            flat.clone().gather(2, places.expand([n, c, points])) * weights
        });
        let [a, b, c_, d] = sampled;
        let side = 2 * (self.side + 2 * REACH);
        let sampled = (a + b + c_ + d).reshape([n, c, side, side]);
        let mut reversed = taps;
        reversed.reverse();
        let cropped = sampled.narrow(2, 1, side - 2).narrow(3, 1, side - 2);
        upfirdn2d(cropped, &reversed, 1, 2, [0; 4], 1.0)
    }
}

/// How far beyond the image the corners of the results come from: left, top, right, bottom.
fn margins(inverses: &[Matrix<3>], side: usize) -> [usize; 4] {
    let centre = (side as f64 - 1.0) / 2.0;
    let mut margins = [0.0_f64; 4];
    for inverse in inverses {
        for (x, y) in [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)] {
            let corner = [0, 1].map(|row| {
                let [a, b, c]: [f64; 3] = inverse[row];
                (a * x + b * y) * centre + c
            });
            for axis in 0..2 {
                margins[axis] = margins[axis].max(-corner[axis] + 2.0 * REACH as f64 - centre);
                margins[axis + 2] =
                    margins[axis + 2].max(corner[axis] + 2.0 * REACH as f64 - centre);
            }
        }
    }
    // A reflection reaches no further than the image itself.
    margins.map(|margin| margin.ceil().min(side as f64 - 1.0) as usize)
}

/// The same transformation between the doubled grids.
fn source(inverse: &Matrix<3>, [left, top, right, bottom]: [usize; 4]) -> Matrix<3> {
    let offset = |before: usize, after: usize| (before as f64 - after as f64) / 2.0;
    let moved = product(
        &translation(offset(left, right), offset(top, bottom)),
        inverse,
    );
    let doubled = product(&product(&scaling(2.0, 2.0), &moved), &scaling(0.5, 0.5));
    // Zeros are inserted after each pixel, so the grid moves by half a place.
    product(
        &product(&translation(-0.5, -0.5), &doubled),
        &translation(0.5, 0.5),
    )
}

/// Which of `side` places stand in a row that is reflected at both ends.
fn reflected(side: usize, before: usize, after: usize, device: &Device) -> Tensor<1, Int> {
    let places: Vec<i32> = (1..=before)
        .rev()
        .chain(0..side)
        .chain((0..after).map(|step| side - 2 - step))
        .map(|place| place as i32)
        .collect();
    let count = places.len();
    Tensor::from_data(TensorData::new(places, [count]), device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::matrix::rotation;
    use clip2gan_train::rng;

    const SIDE: usize = 16;

    /// Noise, the hardest to keep.
    fn noise() -> Tensor<4> {
        let mut rng = rng::stream(0, "images", 0);
        rng::randn([2, 3, SIDE, SIDE], &mut rng, &Device::flex())
    }

    /// A smooth picture without symmetry.
    fn smooth() -> Tensor<4> {
        let value = |place: usize| {
            let [x, y] = [place % SIDE, place / SIDE].map(|at| at as f32 / SIDE as f32);
            (3.0 * x + 1.0).sin() + (2.0 * y * y).cos() * x
        };
        let values: Vec<f32> = (0..SIDE * SIDE).map(value).collect();
        Tensor::from_data(TensorData::new(values, [1, 1, SIDE, SIDE]), &Device::flex())
    }

    fn warped(images: Tensor<4>, inverse: Matrix<3>) -> Tensor<4> {
        let inverses = vec![inverse; images.dims()[0]];
        let warp = Warp::new(&inverses, SIDE, &Device::flex()).unwrap();
        warp.apply(images)
    }

    fn assert_close(found: Tensor<4>, expected: Tensor<4>, tolerance: f32) {
        let difference: f32 = (found - expected).abs().max().into_scalar();
        assert!(difference < tolerance, "{difference}");
    }

    #[test]
    fn whole_pixels_keep_every_detail() {
        let moved = warped(noise(), translation(3.0, -2.0));
        let inside = |x: Tensor<4>, row: usize, column: usize| {
            x.narrow(2, row, SIDE - 2).narrow(3, column, SIDE - 3)
        };
        assert_close(inside(moved, 2, 0), inside(noise(), 0, 3), 1e-4);
    }

    #[test]
    fn flips_and_quarter_turns_go_the_right_way_round() {
        // The filter is not quite symmetric, and at the borders a reflection has kinks.
        let inside = |x: Tensor<4>| x.narrow(2, 4, SIDE - 8).narrow(3, 4, SIDE - 8);
        let assert_close = |a, b| assert_close(inside(a), inside(b), 0.02);
        let flipped = warped(smooth(), scaling(-1.0, 1.0));
        assert_close(flipped, smooth().flip([3]));
        // The result's x axis looks along the image's y axis.
        let quarter = warped(smooth(), rotation(std::f64::consts::FRAC_PI_2));
        assert_close(quarter, smooth().swap_dims(2, 3).flip([2]));
    }

    #[test]
    fn beyond_the_border_images_are_reflected() {
        let moved = warped(noise(), translation(3.0, 0.0));
        let beyond = moved.narrow(3, SIDE - 3, 3);
        let expected = noise().narrow(3, SIDE - 4, 3).flip([3]);
        assert_close(beyond, expected, 1e-4);
    }

    #[test]
    fn constant_images_stay_constant() {
        let inverse = product(&rotation(0.4), &scaling(1.3, 0.8));
        let warp = Warp::new(&[inverse], SIDE, &Device::flex()).unwrap();
        let ones = Tensor::<4>::ones([1, 1, SIDE, SIDE], &Device::flex());
        assert_close(warp.apply(ones.clone()), ones, 0.02);
    }
}
