//! Group `conv`: 3×3 convolutions as the networks have them, forward, and forward with both gradients.

use burn::tensor::{Device, Tensor};
use clip2gan_kernels::conv2d;
use clip2gan_train::rng;
use clip2gan_weights::{Array, Arrays};

use crate::case::{Case, Scale, Task, Work};
use crate::{Cost, Result};

/// Batch, channels and side of the map.
const SHAPES: [[usize; 3]; 7] = [
    [8, 512, 16],
    [8, 256, 32],
    [8, 128, 64],
    [8, 64, 128],
    [4, 32, 256],
    [16, 64, 64],
    [16, 32, 64],
];

/// Every shape twice.
pub fn cases(scale: Scale) -> Vec<Case> {
    let shapes = match scale {
        Scale::Full => &SHAPES[..],
        Scale::Tiny => &[[2, 8, 8]],
    };
    let case = |[batch, channels, size]: [usize; 3], backward| {
        let passes = if backward {
            "forward+backward"
        } else {
            "forward"
        };
        Case {
            group: "conv",
            name: format!("{batch}×{channels}×{size}² {passes}"),
            task: Task::Conv {
                batch,
                channels,
                size,
                backward,
            },
        }
    };
    shapes
        .iter()
        .flat_map(|&shape| [case(shape, false), case(shape, true)])
        .collect()
}

/// The gradients of input and weight each take as much as the forward pass.
pub fn cost(batch: usize, channels: usize, size: usize, backward: bool) -> Cost {
    let map = size * size;
    Cost::conv([batch, channels, channels], 3, [map, map]) * if backward { 3.0 } else { 1.0 }
}

/// A convolution with its input.
pub struct Conv {
    x: Tensor<4>,
    weight: Tensor<4>,
    backward: bool,
}

impl Conv {
    /// Draws input and weight.
    pub fn new(batch: usize, channels: usize, size: usize, backward: bool) -> Self {
        let device = Device::flex();
        let mut rng = rng::stream(0, "bench.conv", 0);
        let x = rng::randn([batch, channels, size, size], &mut rng, &device);
        let scale = ((9 * channels) as f32).sqrt().recip();
        let weight = rng::randn([channels, channels, 3, 3], &mut rng, &device) * scale;
        Self {
            x,
            weight,
            backward,
        }
    }

    /// The output, or the weight's gradient of the output's sum.
    fn compute(&self) -> Tensor<4> {
        if !self.backward {
            return conv2d(self.x.clone(), self.weight.clone());
        }
        let x = self.x.clone().autodiff().require_grad();
        let weight = self.weight.clone().autodiff().require_grad();
        let mut gradients = conv2d(x.clone(), weight.clone()).sum().backward();
        let of_x = x.grad_remove(&mut gradients);
        let of_weight = weight.grad_remove(&mut gradients);
        match (of_x, of_weight) {
            (Some(_), Some(of_weight)) => of_weight,
            _ => unreachable!("both hang on the graph"),
        }
    }
}

impl Work for Conv {
    fn run(&mut self) -> Result<()> {
        drop(self.compute());
        Ok(())
    }

    fn result(&mut self) -> Result<Option<Vec<f32>>> {
        Ok(Some(values(self.compute())))
    }

    fn arrays(&self) -> Arrays {
        Arrays::from([
            ("x".to_owned(), array(self.x.clone())),
            ("weight".to_owned(), array(self.weight.clone())),
        ])
    }
}

/// The numbers of a tensor.
pub(crate) fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// A tensor as it goes to a file.
pub(crate) fn array<const D: usize>(tensor: Tensor<D>) -> Array {
    let shape = tensor.dims().to_vec();
    Array::from_f32(shape, &values(tensor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_row_by_hand() {
        // 2 · 9 · 8 · 512² · 16², and three times that with the gradients.
        assert_eq!(cost(8, 512, 16, false).flops, 9_663_676_416.0);
        assert_eq!(cost(8, 512, 16, true).flops, 3.0 * 9_663_676_416.0);
    }
}
