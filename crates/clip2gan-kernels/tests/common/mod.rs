//! Inputs and comparisons.

use burn::tensor::{DType, Device, Tensor, TensorData};

/// Reproducible values in about −1..1.
pub fn values<const D: usize>(shape: [usize; D], seed: u64, device: &Device) -> Tensor<D> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let count = shape.iter().product();
    let values: Vec<f32> = (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        })
        .collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Equal up to 1e-4 of the largest value.
pub fn close<const D: usize>(name: &str, fast: Tensor<D>, exact: Tensor<D>) {
    assert_eq!(fast.dims(), exact.dims(), "{name}: shape");
    let read = |t: Tensor<D>| {
        t.cast(DType::F64)
            .into_data()
            .try_to_vec::<f64>()
            .expect("f64")
    };
    let (fast, exact) = (read(fast), read(exact));
    let largest = exact.iter().fold(0.0f64, |m, v| m.max(v.abs())).max(1e-6);
    let error = fast
        .iter()
        .zip(&exact)
        .fold(0.0f64, |m, (a, b)| m.max((a - b).abs()));
    assert!(error <= 1e-4 * largest, "{name}: {error} of {largest}");
}
