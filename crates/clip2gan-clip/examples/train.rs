//! Trains a small CLIP on drawn people and says how often the right caption is found among 256.
//!
//! `cargo run --release -p clip2gan-clip --example train -- [STEPS] [FOLDER]`

use std::time::Instant;

use burn::tensor::{Device, Tensor, TensorData};
use clip2gan_clip::train::{Batch, Event, Pairs, PairsError, TrainConfig, Trainer};
use clip2gan_clip::{ClipConfig, Tokenizer};
use clip2gan_data::{AvatarConfig, AvatarDataset, Split, avatar_text, sample_batch};
use clip2gan_weights::Dtype;

/// Drawn people of both sides of the split.
struct Avatars {
    train: AvatarDataset,
    held_out: AvatarDataset,
}

impl Avatars {
    fn batch(
        from: &AvatarDataset,
        start: usize,
        count: usize,
        device: &Device,
    ) -> Result<Batch, PairsError> {
        let indices: Vec<usize> = (start..start + count).collect();
        let drawn = sample_batch(from, &indices)?;
        let shape = drawn.shape();
        Ok(Batch {
            pixels: Tensor::from_data(TensorData::new(drawn.images, shape), device),
            captions: drawn
                .captions
                .into_iter()
                .map(Option::unwrap_or_default)
                .collect(),
        })
    }
}

impl Pairs for Avatars {
    fn training(&mut self, step: u64, count: usize, device: &Device) -> Result<Batch, PairsError> {
        Self::batch(&self.train, step as usize * count, count, device)
    }

    fn held_out(
        &mut self,
        start: usize,
        count: usize,
        device: &Device,
    ) -> Result<Batch, PairsError> {
        Self::batch(&self.held_out, start, count, device)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let steps = arguments.next().map_or(Ok(1000), |steps| steps.parse())?;
    let folder = arguments.next();

    let dataset = |split| {
        AvatarDataset::new(AvatarConfig {
            split,
            ..Default::default()
        })
    };
    let mut pairs = Avatars {
        train: dataset(Split::Train)?,
        held_out: dataset(Split::HeldOut)?,
    };
    let captions: Vec<String> = (0..20_000)
        .map(|i| avatar_text(0, Split::Train, i).1)
        .collect();
    let mut clip = ClipConfig::avatars();
    let tokenizer = Tokenizer::train(&captions, clip.text.vocab_size)?;
    let lengths: Vec<usize> = captions
        .iter()
        .take(2000)
        .map(|caption| tokenizer.encode(caption, 200).map(|tokens| tokens.length))
        .collect::<Result<_, _>>()?;
    let mean = lengths.iter().sum::<usize>() as f64 / lengths.len() as f64;
    let words = tokenizer.words().count();
    println!(
        "{} tokens, {words} words; a caption has {mean:.1} tokens, {:?} at most",
        tokenizer.vocab_size(),
        lengths.iter().max()
    );
    clip.text.vocab_size = tokenizer.vocab_size();

    let config = TrainConfig {
        steps,
        ..Default::default()
    };
    let batch = config.batch;
    let trainer = Trainer {
        config,
        clip,
        tokenizer,
        checkpoints: None,
    };
    let start = Instant::now();
    let state = trainer.run(&mut pairs, &Device::flex(), |event| match event {
        Event::Step(s) if s.step % 20 == 19 => {
            let speed = (s.step + 1) as f64 * batch as f64 / start.elapsed().as_secs_f64();
            println!(
                "step {:5}  loss {:.3}  scale {:.1}  {speed:.0} pairs/s",
                s.step + 1,
                s.loss,
                s.scale
            );
        }
        Event::Evaluated(step, found) => println!("after {step} steps: {found:?}"),
        _ => {}
    })?;
    if let Some(folder) = folder {
        state
            .trained()
            .save(folder, &trainer.tokenizer, Dtype::F16)?;
    }
    Ok(())
}
