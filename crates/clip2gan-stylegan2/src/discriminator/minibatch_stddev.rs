//! Minibatch standard deviation (Progressive GAN, section 3).

use burn::module::Module;
use burn::tensor::Tensor;

use crate::tangent::Dual;

/// Appends feature maps that hold how much the images of a group differ, so that lack of variety shows.
#[derive(Module, Debug)]
pub struct MinibatchStddev {
    group_size: usize,
    num_channels: usize,
}

impl MinibatchStddev {
    pub(crate) fn new(group_size: usize, num_channels: usize) -> Self {
        Self {
            group_size,
            num_channels,
        }
    }

    /// Feature maps added.
    pub fn num_channels(&self) -> usize {
        self.num_channels
    }

    /// `[n, c, h, w] → [n, c + num_channels, h, w]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let centred = self.centred(&x);
        let stddev = stddev(&centred);
        let maps = self.spread(stddev, x.dims());
        Tensor::cat(vec![x, maps], 1)
    }

    /// The layer and its directional derivative. With `y = x − mean(x)` over the group and `σ = √(mean(y²) + ε)`,
    /// `σ̇ = mean(y·ẏ) / σ`, where `ẏ = ẋ − mean(ẋ)`.
    pub fn forward_dual(&self, x: Dual<4>) -> Dual<4> {
        let shape = x.value.dims();
        let centred = self.centred(&x.value);
        let centred_tangent = self.centred(&x.tangent);
        let stddev = stddev(&centred);
        let stddev_tangent = (centred * centred_tangent).mean_dim(0) / stddev.clone();
        let maps = self.spread(stddev, shape);
        let maps_tangent = self.spread(stddev_tangent, shape);
        Dual {
            value: Tensor::cat(vec![x.value, maps], 1),
            tangent: Tensor::cat(vec![x.tangent, maps_tangent], 1),
        }
    }

    /// `[group, n/group, num_channels, c/num_channels·h·w]`, minus the mean over the group.
    fn centred(&self, x: &Tensor<4>) -> Tensor<4> {
        let [n, c, h, w] = x.dims();
        let group = self.group(n);
        let y = x.clone().reshape([
            group,
            n / group,
            self.num_channels,
            c / self.num_channels * h * w,
        ]);
        y.clone() - y.mean_dim(0)
    }

    /// Means over a feature's channels and pixels, spread to `[n, num_channels, h, w]`.
    fn spread(&self, statistic: Tensor<4>, [n, _, h, w]: [usize; 4]) -> Tensor<4> {
        let group = self.group(n);
        let mean = statistic
            .mean_dim(3)
            .reshape([n / group, self.num_channels, 1, 1]);
        mean.repeat(&[group, 1, h, w])
    }

    fn group(&self, batch: usize) -> usize {
        let group = self.group_size.min(batch);
        assert!(
            batch.is_multiple_of(group),
            "batch {batch} is no multiple of the group size {group}"
        );
        group
    }
}

/// `√(mean(y²) + 1e-8)` over the group.
fn stddev(centred: &Tensor<4>) -> Tensor<4> {
    ((centred.clone() * centred.clone()).mean_dim(0) + 1e-8).sqrt()
}
