//! A bridge over the modality gap at use: a sentence's feature is replaced by a mixture of the picture features nearest to it, of
//! which a memory holds many. The mapper then sees only what it was trained on, and different mixtures give different pictures.

use std::path::Path;

use burn::tensor::{Device, Int, Tensor, TensorData};
use clip2gan_clip::normalize;
use clip2gan_train::rng;
use clip2gan_weights::{Array, Arrays, Dtype, Metadata, read_safetensors, write_safetensors};

use crate::Error;

/// The array's name in a file.
const KEY: &str = "features";

/// Features of pictures, `[pictures, feature_dim]`, each of length 1.
#[derive(Clone, Debug)]
pub struct Memory {
    features: Tensor<2>,
}

impl Memory {
    /// Keeps `features [pictures, feature_dim]` of CLIP's image tower, of any length.
    pub fn new(features: Tensor<2>) -> Self {
        Self {
            features: normalize(features.without_autodiff()),
        }
    }

    /// Pictures and width: `[pictures, feature_dim]`.
    pub fn dims(&self) -> [usize; 2] {
        self.features.dims()
    }

    /// The `count` picture features with the largest cosines to `feature [1, feature_dim]`, of any length: `[count, feature_dim]`,
    /// the nearest first; all of them where there are no more.
    pub fn nearest(&self, feature: Tensor<2>, count: usize) -> Tensor<2> {
        let [pictures, _] = self.dims();
        let cosines = normalize(feature).matmul(self.features.clone().transpose());
        let cosines: Vec<f32> = cosines.into_data().iter::<f32>().collect();
        let mut order: Vec<usize> = (0..pictures).collect();
        order.sort_by(|&a, &b| cosines[b].total_cmp(&cosines[a]));
        order.truncate(count);
        let places: Vec<i32> = order.into_iter().map(|place| place as i32).collect();
        let count = places.len();
        let places = TensorData::new(places, [count]);
        let places = Tensor::<1, Int>::from_data(places, &self.features.device());
        self.features.clone().select(0, places)
    }

    /// Reads a file that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// A file that cannot be read, or that holds something else.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self, Error> {
        let path = path.as_ref();
        let (arrays, _) = read_safetensors(path)?;
        let found = match arrays.get(KEY) {
            Some(array)
                if array.dtype.is_float() && array.shape.len() == 2 && !array.is_empty() =>
            {
                let data = TensorData::new(array.to_f32(), array.shape.clone());
                return Ok(Self::new(Tensor::from_data(data, device)));
            }
            Some(array) => format!("{} of shape {:?}", array.dtype, array.shape),
            None => "no such array".to_owned(),
        };
        Err(Error::Memory {
            path: path.to_owned(),
            found,
        })
    }

    /// Writes the features as `dtype`.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save(&self, path: impl AsRef<Path>, dtype: Dtype) -> Result<(), Error> {
        let values: Vec<f32> = self.features.to_data().iter::<f32>().collect();
        let array = Array::from_f32(self.dims(), &values).cast(dtype);
        let arrays = Arrays::from([(KEY.to_owned(), array)]);
        Ok(write_safetensors(path, &arrays, &Metadata::default())?)
    }
}

/// A mixture of `features [count, feature_dim]` for each seed: `[seeds, feature_dim]`, each of length 1. Weights come from a
/// Dirichlet distribution with concentration ½, so that few features dominate each mixture. A row depends on its seed alone.
pub fn mixtures(features: &Tensor<2>, seeds: &[u64]) -> Tensor<2> {
    let [count, _] = features.dims();
    let device = features.device();
    let rows = seeds
        .iter()
        .map(|&seed| {
            rng::randn(
                [1, count],
                &mut rng::stream(seed, "mapper/memory", 0),
                &device,
            )
        })
        .collect();
    // Squares of normal numbers follow the gamma distribution of that concentration, up to a factor.
    let weights = Tensor::cat(rows, 0).square();
    normalize(
        weights
            .clone()
            .div(weights.sum_dim(1))
            .matmul(features.clone()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features() -> Tensor<2> {
        rng::randn([20, 6], &mut rng::stream(0, "memory", 0), &Device::flex())
    }

    fn largest(x: Tensor<2>) -> f32 {
        x.abs().max().into_scalar()
    }

    #[test]
    fn the_nearest_come_first() {
        let memory = Memory::new(features());
        let one = features().narrow(0, 7, 1) * 3.0;
        let near = memory.nearest(one.clone(), 4);
        assert_eq!(near.dims(), [4, 6]);
        assert!(largest(near.clone().narrow(0, 0, 1) - normalize(one.clone())) < 1e-6);
        let cosines = near.matmul(normalize(one).transpose()).into_data();
        assert!(
            cosines
                .iter::<f32>()
                .collect::<Vec<_>>()
                .is_sorted_by(|a, b| a >= b)
        );
        assert_eq!(
            memory.nearest(features().narrow(0, 0, 1), 99).dims(),
            [20, 6]
        );
    }

    #[test]
    fn mixtures_depend_on_their_seed_alone() {
        let near = Memory::new(features()).nearest(features().narrow(0, 0, 1), 5);
        let many = mixtures(&near, &[3, 4, 5]);
        assert_eq!(
            largest(many.clone().narrow(0, 1, 1) - mixtures(&near, &[4])),
            0.0
        );
        assert!(largest(many.clone().narrow(0, 1, 1) - many.narrow(0, 0, 1)) > 1e-3);
        // Of one feature there is one mixture.
        let only = near.narrow(0, 0, 1);
        assert!(largest(mixtures(&only, &[9]) - only) < 1e-6);
    }

    #[test]
    fn a_file_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("memory.safetensors");
        let memory = Memory::new(features());
        memory.save(&path, Dtype::F32).unwrap();
        let again = Memory::load(&path, &Device::flex()).unwrap();
        assert!(largest(memory.features - again.features) < 1e-6);
        let arrays = Arrays::from([("other".to_owned(), Array::from_f32([1], &[0.0]))]);
        write_safetensors(&path, &arrays, &Metadata::default()).unwrap();
        let error = Memory::load(&path, &Device::flex())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("memory.safetensors") && error.contains("no such array"),
            "{error}"
        );
    }
}
