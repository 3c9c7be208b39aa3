//! What the machine can do at most: multiply-adds in registers, and copies in memory. The roof of a roofline.

use std::hint::black_box;
use std::thread;
use std::time::Instant;

use pulp::{Arch, Simd, WithSimd};

use crate::Cost;

/// The two peaks of all cores together.
#[derive(Clone, Copy, Debug)]
pub struct Peaks {
    /// Multiply-adds, in 10⁹ floating point operations a second.
    pub gflops: f64,
    /// A copy of memory, read and written bytes together, in 10⁹ bytes a second.
    pub gbytes: f64,
}

impl Peaks {
    /// Measures both on `threads` threads: the best of several tries.
    pub fn measure(threads: usize) -> Self {
        Self {
            gflops: best(|| multiply_adds(threads)),
            gbytes: best(|| copies(threads)),
        }
    }

    /// What is within reach at the intensity of `cost`, in 10⁹ operations a second (Williams et al. 2009).
    pub fn roof(&self, cost: Cost) -> f64 {
        self.gflops.min(self.gbytes * cost.intensity())
    }
}

fn best(mut rate: impl FnMut() -> f64) -> f64 {
    (0..7).map(|_| rate()).fold(0.0, f64::max)
}

/// Independent sums per thread: enough to hide the latency of two units.
const SUMS: usize = 12;

struct MultiplyAdds {
    times: usize,
}

impl WithSimd for MultiplyAdds {
    /// Lanes of a vector.
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> usize {
        let mut sums = [simd.splat_f32s(black_box(1.0)); SUMS];
        let (x, y) = (
            simd.splat_f32s(black_box(0.999)),
            simd.splat_f32s(black_box(0.001)),
        );
        for _ in 0..self.times {
            for sum in &mut sums {
                *sum = simd.mul_add_f32s(*sum, x, y);
            }
        }
        let total = sums.into_iter().map(|sum| simd.reduce_sum_f32s(sum));
        black_box(total.sum::<f32>());
        S::F32_LANES
    }
}

fn multiply_adds(threads: usize) -> f64 {
    let times = 5_000_000;
    let start = Instant::now();
    let lanes = thread::scope(|scope| {
        let runs: Vec<_> = (0..threads)
            .map(|_| scope.spawn(move || Arch::new().dispatch(MultiplyAdds { times })))
            .collect();
        let lanes = runs.into_iter().map(|run| run.join().unwrap_or(0));
        lanes.sum::<usize>()
    });
    2.0 * (lanes * SUMS * times) as f64 / start.elapsed().as_secs_f64() / 1e9
}

fn copies(threads: usize) -> f64 {
    /// Floats per thread: 128 MB, more than any cache holds.
    const LENGTH: usize = 32 << 20;
    let seconds = thread::scope(|scope| {
        let runs: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let from = vec![1.0_f32; LENGTH];
                    let mut to = vec![0.5_f32; LENGTH];
                    let start = Instant::now();
                    to.copy_from_slice(black_box(&from));
                    black_box(&mut to);
                    start.elapsed().as_secs_f64()
                })
            })
            .collect();
        let seconds = runs
            .into_iter()
            .map(|run| run.join().unwrap_or(f64::INFINITY));
        seconds.fold(0.0, f64::max)
    });
    2.0 * (threads * LENGTH * size_of::<f32>()) as f64 / seconds / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roof_is_the_lower_of_two() {
        let peaks = Peaks {
            gflops: 100.0,
            gbytes: 10.0,
        };
        let cost = |flops, bytes| Cost { flops, bytes };
        assert_eq!(peaks.roof(cost(50.0, 1.0)), 100.0);
        assert_eq!(peaks.roof(cost(2.0, 1.0)), 20.0);
    }
}
