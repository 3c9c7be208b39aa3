//! Colour transformations: for each image a matrix on `(r, g, b, 1)`.

use std::f64::consts::PI;

use burn::tensor::{Device, Tensor, TensorData};
use clip2gan_train::rng::ChaCha8Rng;

use super::matrix::{Chance, Matrix, diagonal, identity, product};

/// Deviation of brightness.
const BRIGHTNESS_STD: f64 = 0.2;
/// Deviation of log₂ of contrast.
const CONTRAST_STD: f64 = 0.5;
/// Deviation of log₂ of saturation.
const SATURATION_STD: f64 = 1.0;

/// One image's transformation.
#[derive(Clone, Debug, PartialEq)]
pub struct Color {
    /// What is added.
    pub brightness: f64,
    /// Factor of all colours.
    pub contrast: f64,
    /// 1 if dark and bright change places and hues stay, else 0.
    pub luma_flip: f64,
    /// Rotation about the grey axis, in radians.
    pub hue: f64,
    /// Factor of the distance from the grey axis.
    pub saturation: f64,
}

impl Color {
    /// Each kind with probability `p`.
    pub fn draw(p: f64, rng: &mut ChaCha8Rng) -> Self {
        let mut chance = Chance(rng);
        let brightness = chance.normal() * BRIGHTNESS_STD;
        let brightness = chance.choose(p, brightness, 0.0);
        let contrast = (chance.normal() * CONTRAST_STD).exp2();
        let contrast = chance.choose(p, contrast, 1.0);
        let luma_flip = (chance.uniform() * 2.0).floor();
        let luma_flip = chance.choose(p, luma_flip, 0.0);
        let hue = (chance.uniform() * 2.0 - 1.0) * PI;
        let hue = chance.choose(p, hue, 0.0);
        let saturation = (chance.normal() * SATURATION_STD).exp2();
        let saturation = chance.choose(p, saturation, 1.0);
        Self {
            brightness,
            contrast,
            luma_flip,
            hue,
            saturation,
        }
    }

    /// The matrix on `(r, g, b, 1)`.
    pub fn matrix(&self) -> Matrix<4> {
        let mut lighter = identity();
        (0..3).for_each(|channel| lighter[channel][3] = self.brightness);
        let contrast = self.contrast;
        let steps = [
            lighter,
            diagonal([contrast, contrast, contrast, 1.0]),
            // I − 2·vvᵀ about the grey axis v.
            along_grey(1.0 - 2.0 * self.luma_flip, 1.0),
            rotation_of_hue(self.hue),
            along_grey(1.0, self.saturation),
        ];
        let then = |matrix, step| product(&step, &matrix);
        steps.into_iter().fold(identity(), then)
    }
}

/// `vvᵀ · grey + (I − vvᵀ) · rest`, with `v` the grey axis.
fn along_grey(grey: f64, rest: f64) -> Matrix<4> {
    let mut matrix = diagonal([rest, rest, rest, 1.0]);
    for row in &mut matrix[..3] {
        for value in &mut row[..3] {
            *value += (grey - rest) / 3.0;
        }
    }
    matrix
}

/// Rotation by `angle` about the grey axis (Rodrigues' formula).
fn rotation_of_hue(angle: f64) -> Matrix<4> {
    let (sin, cos) = angle.sin_cos();
    let mut matrix = along_grey(1.0, cos);
    let side = sin / 3.0_f64.sqrt();
    for row in 0..3 {
        matrix[row][(row + 1) % 3] -= side;
        matrix[row][(row + 2) % 3] += side;
    }
    matrix
}

/// The transformations of a batch.
#[derive(Clone, Debug)]
pub struct Colors {
    /// `[n, channels, channels]`.
    matrix: Tensor<3>,
    /// `[n, channels, 1]`.
    offset: Tensor<3>,
}

impl Colors {
    /// For images of 3 or of 1 channel (which takes the mean of the three rows); none if nothing changes.
    pub fn new(matrices: &[Matrix<4>], channels: usize, device: &Device) -> Option<Self> {
        if matrices.iter().all(|matrix| *matrix == identity()) {
            return None;
        }
        let n = matrices.len();
        let [mut linear, mut offset] = [Vec::new(), Vec::new()];
        for matrix in matrices {
            if channels == 1 {
                let rows = &matrix[..3];
                let sum = |columns: std::ops::Range<usize>| {
                    let cells = rows.iter().flat_map(|row| &row[columns.clone()]);
                    (cells.sum::<f64>() / 3.0) as f32
                };
                linear.push(sum(0..3));
                offset.push(sum(3..4));
            } else {
                for row in &matrix[..3] {
                    linear.extend(row[..3].iter().map(|&value| value as f32));
                    offset.push(row[3] as f32);
                }
            }
        }
        let tensor =
            |values, shape: [usize; 3]| Tensor::from_data(TensorData::new(values, shape), device);
        Some(Self {
            matrix: tensor(linear, [n, channels, channels]),
            offset: tensor(offset, [n, channels, 1]),
        })
    }

    /// `[n, channels, h, w]`, and so is the result.
    pub fn apply(&self, images: Tensor<4>) -> Tensor<4> {
        let shape = images.dims();
        (self.multiply(images) + self.offset.clone()).reshape(shape)
    }

    /// [`apply`](Self::apply) without its constant part.
    pub fn apply_linear(&self, images: Tensor<4>) -> Tensor<4> {
        let shape = images.dims();
        self.multiply(images).reshape(shape)
    }

    fn multiply(&self, images: Tensor<4>) -> Tensor<3> {
        let [n, channels, height, width] = images.dims();
        let flat = images.reshape([n, channels, height * width]);
        self.matrix.clone().matmul(flat)
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;
    use clip2gan_train::rng;

    fn transform(matrix: &Matrix<4>, color: [f64; 3]) -> [f64; 3] {
        let [r, g, b] = color;
        [0, 1, 2].map(|row| {
            let values = matrix[row].iter().zip([r, g, b, 1.0]);
            values.map(|(a, b)| a * b).sum()
        })
    }

    fn close(a: [f64; 3], b: [f64; 3]) -> bool {
        a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12)
    }

    #[test]
    fn a_third_of_a_turn_of_hue_moves_the_channels_on() {
        let third = rotation_of_hue(TAU / 3.0);
        assert!(close(transform(&third, [1.0, 0.2, -0.5]), [-0.5, 1.0, 0.2]));
    }

    #[test]
    fn saturation_zero_is_grey_and_a_luma_flip_keeps_hue() {
        assert!(close(
            transform(&along_grey(1.0, 0.0), [0.9, 0.3, 0.0]),
            [0.4; 3]
        ));
        let flipped = transform(&along_grey(-1.0, 1.0), [0.9, 0.3, 0.0]);
        assert!(close(flipped, [0.1, -0.5, -0.8]));
    }

    #[test]
    fn probability_zero_changes_no_colour() {
        let mut rng = rng::stream(0, "color", 0);
        let matrices = [(); 8].map(|()| Color::draw(0.0, &mut rng).matrix());
        assert!(Colors::new(&matrices, 3, &Device::flex()).is_none());
    }
}
