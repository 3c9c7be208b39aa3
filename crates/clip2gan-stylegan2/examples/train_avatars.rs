//! Trains a generator of avatars.
//!
//! ```text
//! cargo run --release -p clip2gan-stylegan2 --example train_avatars -- RUN_DIRECTORY [CONFIG.json] [IMAGES]
//! ```
//!
//! Started again on the same directory, it goes on where it stopped. CONFIG.json holds the fields of `TrainConfig` that
//! differ from the default; IMAGES is how many real images to train on in all.

use std::error::Error;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use burn::tensor::{Device, Tensor, TensorData};
use clip2gan_data::{AvatarConfig, AvatarDataset, Batches, Sampler};
use clip2gan_stylegan2::train::{Event, GanTrainer, TrainConfig};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = PathBuf::from(
        arguments
            .next()
            .ok_or("usage: train_avatars RUN_DIRECTORY [CONFIG.json] [IMAGES]")?,
    );
    let mut config = match arguments.next() {
        Some(path) => serde_json::from_str(&std::fs::read_to_string(path)?)?,
        None => TrainConfig::default(),
    };
    if let Some(images) = arguments.next() {
        config.total_images = images.parse()?;
    }

    let device = Device::flex();
    let mut trainer = GanTrainer::open(config.clone(), &dir, &device)?;
    let first = trainer.state().step;
    println!("{config:#?}\nfrom step {first} to {}", config.total_steps());

    let dataset = AvatarDataset::new(AvatarConfig {
        resolution: config.resolution as u32,
        ..AvatarConfig::default()
    })?;
    let sampler = Sampler::new(dataset.config().len, config.batch, config.seed)?;
    let mut batches = Batches::new(Arc::new(dataset), sampler, first, 2);
    let mut real = |_| {
        let batch = batches.next().ok_or("no more pictures")??;
        let shape = batch.shape();
        let images = TensorData::new(batch.images, shape);
        Ok(Tensor::<4>::from_data(images, &device).into())
    };

    let (start, first_images) = (Instant::now(), trainer.state().images(&config));
    trainer.run(&mut real, &mut |event| {
        let seconds = start.elapsed().as_secs_f64();
        match event {
            Event::Step(s) if s.step <= first + 5 || s.step.is_multiple_of(20) => println!(
                "{:>8.0} s  step {:>6}  images {:>8}  {:>5.1} images/s  G {:.3}  D {:.3}  real {:+.2}  fake {:+.2}  R1 {:?}",
                seconds,
                s.step,
                s.images,
                (s.images - first_images) as f64 / seconds,
                s.generator_loss,
                s.discriminator_loss,
                s.real_logit,
                s.fake_logit,
                s.r1_penalty,
            ),
            Event::Samples(path) => println!("{:>8.0} s  samples {}", seconds, path.display()),
            Event::Checkpoint(step) => println!("{:>8.0} s  checkpoint at step {step}", seconds),
            _ => {}
        }
        ControlFlow::Continue(())
    })?;
    Ok(())
}
