//! Draws from a random stream, spelt out so that a seed keeps its meaning
//! whatever version of `rand` is in use.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// The stream `number` of `seed`.
pub(crate) fn stream(seed: u64, number: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(number);
    rng
}

/// A whole number below `n`; 0 if `n` is 0.
pub(crate) fn below<R: Rng + ?Sized>(rng: &mut R, n: usize) -> usize {
    ((u128::from(rng.next_u64()) * n as u128) >> 64) as usize
}

/// True `percent` times of 100.
pub(crate) fn percent<R: Rng + ?Sized>(rng: &mut R, percent: u32) -> bool {
    below(rng, 100) < percent as usize
}

/// One of `items`, which must not be empty.
pub(crate) fn one_of<T: Copy, R: Rng + ?Sized>(rng: &mut R, items: &[T]) -> T {
    items[below(rng, items.len())]
}

/// The index of one of `weights`, drawn as often as it weighs.
pub(crate) fn weighted<R: Rng + ?Sized>(
    rng: &mut R,
    weights: impl Iterator<Item = u32> + Clone,
) -> usize {
    let total: u32 = weights.clone().sum();
    let mut left = below(rng, total as usize) as u32;
    for (index, weight) in weights.enumerate() {
        if left < weight {
            return index;
        }
        left -= weight;
    }
    0
}

/// Puts `items` into a random order.
pub(crate) fn shuffle<T, R: Rng + ?Sized>(rng: &mut R, items: &mut [T]) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(rng, last + 1));
    }
}
