//! Real images with their class labels, and the labels that generated images get.

use burn::tensor::{Int, Tensor, TensorData};
use clip2gan_train::rng;

use crate::Result;
use crate::error::check_shape;
use crate::train::TrainConfig;

/// The real images of one step.
#[derive(Clone, Debug)]
pub struct RealBatch {
    /// `[batch, channels, r, r]`, −1..1.
    pub images: Tensor<4>,
    /// `[batch, c_dim]`: one-hot, or vectors of any kind. None in unconditional runs, which take no notice of them.
    pub labels: Option<Tensor<2>>,
}

impl From<Tensor<4>> for RealBatch {
    fn from(images: Tensor<4>) -> Self {
        Self {
            images,
            labels: None,
        }
    }
}

impl RealBatch {
    /// The batch, if it has the sizes that the configuration asks for; without labels in unconditional runs.
    pub(crate) fn checked(self, config: &TrainConfig) -> Result<Self> {
        let [batch, side] = [config.batch, config.resolution];
        check_shape(
            "real images",
            &[batch, config.img_channels, side, side],
            &self.images.dims(),
        )?;
        if config.c_dim == 0 {
            return Ok(self.images.into());
        }
        let found = self.labels.as_ref().map_or(vec![], |x| x.dims().to_vec());
        check_shape("labels of real images", &[batch, config.c_dim], &found)?;
        Ok(self)
    }

    /// One of the equal parts that the batch is worked through in.
    pub(crate) fn part(&self, part: usize, config: &TrainConfig) -> Self {
        if config.accumulate == 1 {
            return self.clone();
        }
        let size = config.part();
        let start = part * size;
        let labels = self.labels.clone();
        Self {
            images: self.images.clone().narrow(0, start, size),
            labels: labels.map(|labels| labels.narrow(0, start, size)),
        }
    }

    /// Labels for `n` generated images of `phase`, `n` at most the batch: those of as many real ones, in random order.
    ///
    /// So they have the distribution of the data, as in the reference, which draws them from the whole data set.
    pub(crate) fn draw_labels(
        &self,
        n: usize,
        config: &TrainConfig,
        phase: &str,
        step: u64,
    ) -> Option<Tensor<2>> {
        let labels = self.labels.clone()?;
        let mut rng = rng::stream(config.seed, &format!("{phase}, labels"), step);
        let order = rng::permutation(&mut rng, labels.dims()[0]);
        let order: Vec<i32> = order.iter().take(n).map(|&index| index as i32).collect();
        let order = TensorData::new(order, [n]);
        let order: Tensor<1, Int> = Tensor::from_data(order, &labels.device());
        Some(labels.select(0, order))
    }
}
