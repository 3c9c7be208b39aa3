//! Times the fast kernels against plain tensor operations on shapes of a 64-pixel StyleGAN2, forward and backward:
//! `cargo run --release -p clip2gan-kernels --features flex --example speed`.

use std::time::Instant;

use burn::tensor::{Device, Distribution, Tensor};
use clip2gan_kernels::{conv2d, conv2d_down, conv2d_up, set_plain};

/// A convolution of a map by a weight.
type Conv = fn(Tensor<4>, Tensor<4>) -> Tensor<4>;

/// Best of five runs, in milliseconds: forward alone, and forward with backward.
fn time(conv: Conv, x: &Tensor<4>, weight: &Tensor<4>) -> [f64; 2] {
    let mut best = [f64::INFINITY; 2];
    for _ in 0..5 {
        let start = Instant::now();
        let y = conv(x.clone().require_grad(), weight.clone().require_grad());
        best[0] = best[0].min(start.elapsed().as_secs_f64() * 1e3);
        let _gradients = y.sum().backward();
        best[1] = best[1].min(start.elapsed().as_secs_f64() * 1e3);
    }
    best
}

fn main() {
    let device = Device::flex().autodiff();
    let random = |shape: [usize; 4]| Tensor::<4>::random(shape, Distribution::Default, &device);
    println!(
        "batch × in → out × map          fast ms (fwd, +bwd)   plain ms (fwd, +bwd)   fast GFLOP/s"
    );
    let cases: [(&str, Conv, usize, usize, usize, usize); 8] = [
        ("same", conv2d, 16, 32, 32, 64),
        ("same", conv2d, 16, 64, 64, 32),
        ("same", conv2d, 16, 128, 128, 16),
        ("same", conv2d, 16, 128, 128, 8),
        ("same", conv2d, 8, 256, 256, 32),
        ("same", conv2d, 8, 64, 64, 128),
        ("up", conv2d_up, 16, 64, 32, 32),
        ("down", conv2d_down, 16, 32, 64, 65),
    ];
    for (name, conv, n, i, o, size) in cases {
        let (x, weight) = (random([n, i, size, size]), random([o, i, 3, 3]));
        set_plain(false);
        let fast = time(conv, &x, &weight);
        set_plain(true);
        let plain = time(conv, &x, &weight);
        // The multiplications of all three grow with the smaller of their two maps.
        let map = if name == "down" { size / 2 } else { size };
        let flops = 2.0 * 9.0 * (n * i * o * map * map) as f64;
        println!(
            "{name:5} {n}×{i}→{o}×{size}²{:>18.2} {:>8.2} {:>12.2} {:>8.2} {:>12.0} {:>5.0}",
            fast[0],
            fast[1],
            plain[0],
            plain[1],
            flops / fast[0] / 1e6,
            3.0 * flops / fast[1] / 1e6,
        );
    }
}
