//! Homogeneous matrices of the plane and of colour space.

use clip2gan_train::rng::{self, ChaCha8Rng};

/// An `N × N` matrix, row by row.
pub type Matrix<const N: usize> = [[f64; N]; N];

/// The identity.
pub fn identity<const N: usize>() -> Matrix<N> {
    diagonal([1.0; N])
}

/// A diagonal matrix.
pub fn diagonal<const N: usize>(values: [f64; N]) -> Matrix<N> {
    let mut matrix = [[0.0; N]; N];
    for (index, value) in values.into_iter().enumerate() {
        matrix[index][index] = value;
    }
    matrix
}

/// `a · b`.
pub fn product<const N: usize>(a: &Matrix<N>, b: &Matrix<N>) -> Matrix<N> {
    let mut product = [[0.0; N]; N];
    for (row, a) in product.iter_mut().zip(a) {
        for (column, value) in row.iter_mut().enumerate() {
            *value = a.iter().zip(b).map(|(a, b)| a * b[column]).sum();
        }
    }
    product
}

/// Moves points of the plane by `(x, y)`.
pub fn translation(x: f64, y: f64) -> Matrix<3> {
    [[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]]
}

/// Stretches the plane.
pub fn scaling(x: f64, y: f64) -> Matrix<3> {
    diagonal([x, y, 1.0])
}

/// Turns the plane by `angle` radians.
pub fn rotation(angle: f64) -> Matrix<3> {
    let (sin, cos) = angle.sin_cos();
    [[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]]
}

/// Random numbers of one image's transformations. Every kind draws the same numbers whether it is applied or not.
pub struct Chance<'a>(pub &'a mut ChaCha8Rng);

impl Chance<'_> {
    /// Uniform on 0..1.
    pub fn uniform(&mut self) -> f64 {
        f64::from(rng::uniform(self.0, 1)[0])
    }

    /// Standard normal.
    pub fn normal(&mut self) -> f64 {
        f64::from(rng::normal(self.0, 1)[0])
    }

    /// `drawn` with probability `p`, else `otherwise`.
    pub fn choose<T>(&mut self, p: f64, drawn: T, otherwise: T) -> T {
        if self.uniform() < p { drawn } else { otherwise }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_apply_the_right_matrix_first() {
        let quarter = rotation(std::f64::consts::FRAC_PI_2);
        let m = product(&translation(5.0, 0.0), &quarter);
        // (1, 0) turns to (0, 1) and then moves to (5, 1).
        let x = m[0][0] + m[0][2];
        let y = m[1][0] + m[1][2];
        assert!((x - 5.0).abs() < 1e-12 && (y - 1.0).abs() < 1e-12);
        assert_eq!(product(&identity(), &m), m);
    }
}
