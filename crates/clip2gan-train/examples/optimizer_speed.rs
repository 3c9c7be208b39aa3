//! How long a step of Adam and of the average take for 40 layers of 128 × 1000 weights.
//!
//! `cargo run --release -p clip2gan-train --example optimizer_speed`

use std::time::Instant;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use clip2gan_train::{AdamConfig, NamedGradients, ema_update, rng};

/// Many matrices.
#[derive(Module, Debug)]
struct Layers {
    weights: Vec<Param<Tensor<2>>>,
}

fn main() -> clip2gan_train::Result<()> {
    let device = Device::flex().autodiff();
    let mut draws = rng::stream(0, "weights", 0);
    let started = Instant::now();
    let weight = |_| Param::from_tensor(rng::randn([128, 1000], &mut draws, &device));
    let mut layers = Layers {
        weights: (0..40).map(weight).collect(),
    };
    println!(
        "drawing {} weights: {:?}",
        layers.num_params(),
        started.elapsed()
    );
    let mut ema = layers.valid();
    let mut adam = AdamConfig::default().init();
    for _ in 0..4 {
        let losses = layers
            .weights
            .iter()
            .map(|weight| weight.val().powi_scalar(2).mean());
        let loss = losses
            .reduce(|sum, loss| sum + loss)
            .unwrap_or_else(|| Tensor::zeros([1], &device));
        let mut all = loss.backward();
        drop(loss);
        let started = Instant::now();
        let gradients = NamedGradients::take(&layers, &mut all);
        drop(all);
        let taken = started.elapsed();
        layers = adam.step(layers, &gradients)?;
        let stepped = started.elapsed() - taken;
        ema = ema_update(ema, &layers, 0.999)?;
        let averaged = started.elapsed() - taken - stepped;
        println!("gradients {taken:?}, Adam {stepped:?}, average {averaged:?}");
    }
    Ok(())
}
