//! Draws one picture with a checkpoint of NVlabs (`.pkl`) or rosinality (`.pt`):
//!
//! ```sh
//! cargo run --release -p clip2gan-stylegan2 --example draw -- stylegan2-ffhq.pkl 42 face.png
//! ```

use std::error::Error;
use std::path::Path;

use burn::tensor::Device;
use clip2gan_stylegan2::train::write_grid;
use clip2gan_stylegan2::{NoiseMode, seeds, weights};
use clip2gan_weights::read_checkpoint;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [checkpoint, seed, png] = &arguments[..] else {
        return Err("expected: CHECKPOINT SEED PNG".into());
    };
    let device = Device::flex();
    let found = weights::generator(&read_checkpoint(checkpoint)?)?;
    let generator = found.build(&device)?;
    let z = seeds::z_of_seed(seed.parse()?, found.config.z_dim, &device);
    let image = generator.forward(z, 0.7, NoiseMode::Const);
    write_grid(image, 1, Path::new(png))?;
    Ok(())
}
