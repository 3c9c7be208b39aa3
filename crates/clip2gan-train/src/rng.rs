//! Named streams of random numbers, drawn on the host.
//!
//! Every draw of a run belongs to a stream that is named by (seed, what it is for, step). So a step's draws depend on
//! nothing that was drawn before, and a resumed run goes on exactly as an uninterrupted one.

use burn::tensor::{Device, Tensor, TensorData};
pub use rand_chacha::ChaCha8Rng;

use rand::{Rng, SeedableRng};

/// The stream of random numbers for one purpose at one step.
///
/// Different seeds, names or steps give independent streams: seed and step are parts of ChaCha's key, and so is a
/// 128-bit hash (FNV-1a) of the name.
pub fn stream(seed: u64, name: &str, step: u64) -> ChaCha8Rng {
    let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    for byte in name.bytes() {
        hash ^= u128::from(byte);
        hash = hash.wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
    }
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..24].copy_from_slice(&hash.to_le_bytes());
    key[24..].copy_from_slice(&step.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// `n` draws from the standard normal distribution (Box–Muller).
pub fn normal(rng: &mut impl Rng, n: usize) -> Vec<f32> {
    let mut values = Vec::with_capacity(n + 1);
    while values.len() < n {
        let radius = (-2.0 * open_unit(rng).ln()).sqrt();
        let (sin, cos) = (std::f32::consts::TAU * open_unit(rng)).sin_cos();
        values.extend([radius * cos, radius * sin]);
    }
    values.truncate(n);
    values
}

/// `n` draws from the uniform distribution on `[0, 1)`.
pub fn uniform(rng: &mut impl Rng, n: usize) -> Vec<f32> {
    (0..n)
        .map(|_| (rng.next_u32() >> 8) as f32 / (1 << 24) as f32)
        .collect()
}

/// A whole number from `0` to `below - 1`, each equally likely (to within `below / 2^64`).
///
/// # Panics
/// If `below` is zero.
pub fn index(rng: &mut impl Rng, below: usize) -> usize {
    assert!(below > 0, "there is no whole number below zero");
    ((u128::from(rng.next_u64()) * below as u128) >> 64) as usize
}

/// The numbers from `0` to `n - 1` in random order.
pub fn permutation(rng: &mut impl Rng, n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    for last in (1..n).rev() {
        order.swap(last, index(rng, last + 1));
    }
    order
}

/// Which `batch` of `len` examples step number `step` (from 0) sees: epochs of random order, one after another.
///
/// A pure function of its arguments, so that a resumed run sees the same examples. A batch may span two epochs.
///
/// # Panics
/// If `len` is zero.
pub fn batch_indices(seed: u64, step: u64, batch: usize, len: usize) -> Vec<usize> {
    assert!(len > 0, "there are no examples to draw from");
    let mut epoch = None;
    let mut order = Vec::new();
    let first = step * batch as u64;
    (first..first + batch as u64)
        .map(|place| {
            let of = place / len as u64;
            if epoch != Some(of) {
                epoch = Some(of);
                order = permutation(&mut stream(seed, "epoch", of), len);
            }
            order[(place % len as u64) as usize]
        })
        .collect()
}

/// A tensor of draws from the standard normal distribution.
pub fn randn<const D: usize>(shape: [usize; D], rng: &mut impl Rng, device: &Device) -> Tensor<D> {
    let values = normal(rng, shape.iter().product());
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// A tensor of draws from the uniform distribution on `[0, 1)`.
pub fn rand<const D: usize>(shape: [usize; D], rng: &mut impl Rng, device: &Device) -> Tensor<D> {
    let values = uniform(rng, shape.iter().product());
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Uniform on `(0, 1]`: never zero, so that its logarithm is finite.
fn open_unit(rng: &mut impl Rng) -> f32 {
    (rng.next_u32() as f32 + 0.5) * (1.0 / 4_294_967_296.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_seed_name_and_step_and_in_nothing_else() {
        let first = |seed, name, step| stream(seed, name, step).next_u64();
        assert_eq!(first(1, "z", 2), first(1, "z", 2));
        let all = [
            first(1, "z", 2),
            first(2, "z", 2),
            first(1, "w", 2),
            first(1, "z", 3),
        ];
        for (place, value) in all.iter().enumerate() {
            assert!(!all[..place].contains(value));
        }
    }

    #[test]
    fn normal_draws_have_the_moments_of_the_normal_distribution() {
        let values = normal(&mut stream(7, "moments", 0), 100_001);
        assert_eq!(values.len(), 100_001);
        let moment = |power: i32| {
            values
                .iter()
                .map(|&v| f64::from(v).powi(power))
                .sum::<f64>()
                / values.len() as f64
        };
        assert!(moment(1).abs() < 0.015, "mean {}", moment(1));
        assert!((moment(2) - 1.0).abs() < 0.02, "variance {}", moment(2));
        assert!(moment(3).abs() < 0.05, "skew {}", moment(3));
        assert!((moment(4) - 3.0).abs() < 0.12, "kurtosis {}", moment(4));
    }

    #[test]
    fn a_longer_draw_begins_with_the_shorter_one() {
        let draw = |n| normal(&mut stream(0, "a", 0), n);
        assert_eq!(draw(5), draw(9)[..5]);
    }

    #[test]
    fn uniform_draws_lie_in_the_half_open_interval() {
        let values = uniform(&mut stream(3, "u", 0), 10_000);
        assert!(values.iter().all(|v| (0.0..1.0).contains(v)));
        let mean = values.iter().sum::<f32>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
    }

    #[test]
    fn every_epoch_sees_every_example_once() {
        let seen: Vec<usize> = (0..5)
            .flat_map(|step| batch_indices(1, step, 4, 10))
            .collect();
        for epoch in seen.chunks(10) {
            let mut sorted = epoch.to_vec();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..10).collect::<Vec<_>>());
        }
        assert_ne!(seen[..10], seen[10..]);
    }
}
