//! Arithmetic and traffic of layers, counted from their shapes.
//!
//! Arithmetic is that of the definition: a multiplication and an addition for each product of a convolution or a matrix
//! product, whatever the algorithm. One that needs fewer (Winograd's) may so pass the machine's peak. What costs little
//! arithmetic (filters, activations, normalisation) is not counted. Traffic is the least that layers run one after the
//! other can do: each reads its input and its weights once and writes its output once, in `f32`.

use std::ops::{Add, Mul};

/// Bytes of an `f32`.
const F32: f64 = 4.0;

/// Work of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Floating point operations; a multiplication with an addition is two.
    pub flops: f64,
    /// Bytes read and written.
    pub bytes: f64,
}

impl Cost {
    /// A convolution `[n, i, h, w] → [n, o, …]` with a `k × k` kernel, whose smaller map has `map` pixels and whose
    /// larger `large`.
    pub fn conv([n, i, o]: [usize; 3], k: usize, [read, written]: [usize; 2]) -> Self {
        let (weights, map) = (i * o * k * k, read.min(written));
        Self {
            flops: 2.0 * (n * weights) as f64 * map as f64,
            bytes: F32 * (n * (i * read + o * written) + weights) as f64,
        }
    }

    /// A matrix product `[rows, i] · [i, o]` with a weight.
    pub fn linear(rows: usize, i: usize, o: usize) -> Self {
        Self::conv([rows, i, o], 1, [1, 1])
    }

    /// Attention between projections: scores and weighted sums of `batch` sequences, all heads together `width` wide.
    pub fn attention(batch: usize, length: usize, width: usize) -> Self {
        Self {
            flops: 4.0 * (batch * length * length * width) as f64,
            bytes: F32 * (4 * batch * length * width) as f64,
        }
    }

    /// Operations per byte.
    pub fn intensity(&self) -> f64 {
        self.flops / self.bytes
    }
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            flops: self.flops + other.flops,
            bytes: self.bytes + other.bytes,
        }
    }
}

impl std::iter::Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::default(), Add::add)
    }
}

impl Mul<f64> for Cost {
    type Output = Self;

    fn mul(self, times: f64) -> Self {
        Self {
            flops: self.flops * times,
            bytes: self.bytes * times,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_convolution_by_hand() {
        // Two images, three to five channels, 3×3, on 4×4 pixels: 2·2·3·5·9·16 operations.
        let cost = Cost::conv([2, 3, 5], 3, [16, 16]);
        assert_eq!(cost.flops, 8640.0);
        assert_eq!(
            cost.bytes,
            4.0 * (2.0 * 3.0 * 16.0 + 2.0 * 5.0 * 16.0 + 135.0)
        );
        // One that doubles the size multiplies at the small one.
        assert_eq!(Cost::conv([2, 3, 5], 3, [16, 81]).flops, cost.flops);
    }

    #[test]
    fn costs_add_up() {
        let linear = Cost::linear(7, 3, 5);
        assert_eq!(linear.flops, 210.0);
        assert_eq!([linear, linear].into_iter().sum::<Cost>(), linear * 2.0);
        assert_eq!(Cost::attention(2, 3, 4).flops, 2.0 * 2.0 * 2.0 * 9.0 * 4.0);
    }
}
