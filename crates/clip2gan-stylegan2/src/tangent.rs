//! Forward-mode pairs: a value and its directional derivative, carried through a network together.
//!
//! Autodiff here is first order only, yet R1 needs `∇_θ ½‖∇ₓD(x)‖²`. With the constant `v = ∇ₓD(x)` that equals
//! `∇_θ [v · ∇ₓD(x)]`, and `v · ∇ₓD(x)` is the tangent output of a forward-mode pass of `D` at `x` along `v`.
//! That pass is made of ordinary operations, so an ordinary backward goes through it. Exact, no finite differences.
//! Path lengths work alike: the gradient of `‖Jᵀy‖` is that of `y · (J v)` at the constant `v = Jᵀy / ‖Jᵀy‖`.

use burn::tensor::Tensor;

use crate::layers::SLOPE;

/// A value and the derivative of it along the input's direction, of the same shape.
#[derive(Clone, Debug)]
pub struct Dual<const D: usize> {
    /// The value.
    pub value: Tensor<D>,
    /// Its directional derivative.
    pub tangent: Tensor<D>,
}

impl<const D: usize> Dual<D> {
    /// A value that does not depend on the input.
    pub fn constant(value: Tensor<D>) -> Self {
        let tangent = value.clone().inner().zeros_like();
        Self { value, tangent }
    }

    /// Applies a linear function to both.
    pub fn map<const E: usize>(self, linear: impl Fn(Tensor<D>) -> Tensor<E>) -> Dual<E> {
        Dual {
            value: linear(self.value),
            tangent: linear(self.tangent),
        }
    }

    /// The same pair in another shape.
    pub fn reshape<const E: usize>(self, shape: [usize; E]) -> Dual<E> {
        self.map(|x| x.reshape(shape))
    }
}

impl<const D: usize> std::ops::Add for Dual<D> {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            value: self.value + other.value,
            tangent: self.tangent + other.tangent,
        }
    }
}

/// 1 where `output` was not cut off at `±clamp`, else 0: the derivative of the cut, a constant.
pub(crate) fn clamp_slope<const D: usize>(output: &Tensor<D>, clamp: f32) -> Tensor<D> {
    output.clone().detach().abs().lower_elem(clamp).float()
}

/// Derivative of `gain · lrelu` read off the layer's *output* (the activation keeps signs).
///
/// It is piecewise constant, so it enters the graph as a constant.
pub(crate) fn lrelu_slope<const D: usize>(output: &Tensor<D>, gain: f32) -> Tensor<D> {
    let mean = 0.5 * (1.0 + SLOPE) * gain;
    let half_difference = 0.5 * (1.0 - SLOPE) * gain;
    output.clone().detach().sign() * half_difference + mean
}
