//! The paper's largest generator on the CPU.

use burn::tensor::{Device, Tensor};
use clip2gan_stylegan2::{GeneratorConfig, NoiseMode, seeds};

/// Peak memory of this process in MB, where the system tells.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024)
}

#[test]
#[ignore = "a 1024 px generator: seconds of work and hundreds of megabytes"]
fn config_f_draws_1024_pixels_in_less_than_1_5_gb() {
    let device = Device::flex();
    let config = GeneratorConfig::config_f(1024);
    let generator = config.init(&device);
    let z = seeds::z_of_seed(0, config.z_dim, &device);
    let start = std::time::Instant::now();
    // From the second picture on, what was made of the weights is kept.
    for _ in 0..3 {
        let image: Tensor<4> = generator.forward(z.clone(), 0.7, NoiseMode::Const);
        assert_eq!(image.dims(), [1, 3, 1024, 1024]);
        let finite: f32 = image.is_finite().float().mean().into_scalar();
        assert_eq!(finite, 1.0);
    }
    println!(
        "{:.1} s, peak {:?} MB",
        start.elapsed().as_secs_f64(),
        peak()
    );
    assert!(peak().is_none_or(|megabytes| megabytes < 1536));
}
