//! The kernels as operations of burn's CPU backend.

mod clip;
mod kept;
mod stylegan;

use burn::backend::TensorMetadata;
use burn::tensor::{DType, TensorData};
use burn_flex::FlexTensor;

/// A tensor's values in order, copied only if they aren't already.
struct Values(FlexTensor);

impl Values {
    fn of(tensor: FlexTensor) -> Self {
        assert_eq!(
            tensor.dtype(),
            DType::F32,
            "the kernels are chosen for f32 tensors only"
        );
        Self(tensor.to_contiguous())
    }

    fn slice(&self) -> &[f32] {
        let count = self.0.layout().shape().num_elements();
        &self.0.storage::<f32>()[..count]
    }

    /// The values to be written over, if nobody else has them.
    fn exclusive(&mut self) -> Option<&mut [f32]> {
        let count = self.0.layout().shape().num_elements();
        let values = self.0.try_storage_mut::<f32>()?;
        Some(&mut values[..count])
    }

    /// The values, unless there are none: a part that is absent.
    fn present(&self) -> Option<&[f32]> {
        Some(self.slice()).filter(|values| !values.is_empty())
    }

    /// Of maps.
    fn shape(&self) -> [usize; 4] {
        self.sizes()
    }

    /// Of a matrix.
    fn matrix(&self) -> [usize; 2] {
        self.sizes()
    }

    fn sizes<const D: usize>(&self) -> [usize; D] {
        let shape = self.0.shape();
        std::array::from_fn(|axis| shape[axis])
    }
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}
