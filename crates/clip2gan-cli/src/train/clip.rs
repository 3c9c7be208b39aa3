//! The first stage: tokenizer and CLIP, from pictures and captions.

use std::path::Path;
use std::time::Instant;

use burn::tensor::Device;
use clip2gan_clip::Tokenizer;
use clip2gan_clip::train::{Batch, Event, Pairs, PairsError, Trainer};
use clip2gan_train::RunDir;
use clip2gan_weights::Dtype;
use serde_json::{Value, json};

use super::Run;
use super::data::{self, Shared, Stream};
use crate::error::{Failure, Outcome};

/// Trains, or goes on, and saves the model with its tokenizer.
pub fn train(run: &Run, folder: &Path) -> Outcome<Value> {
    let console = &run.context.console;
    let settings = run.config.clip.clone();
    let device = run.context.device()?;
    settings.model.validate()?;

    console.note("clip: training the tokenizer");
    let captions = data::texts(&run.config, settings.captions)?;
    let tokenizer = Tokenizer::train(&captions, settings.model.text.vocab_size)?;
    let mut pairs = Source::new(run, settings.train.evaluate_pairs)?;
    let mut config = settings.train;
    config.evaluate_pairs = config.evaluate_pairs.min(pairs.held_out.len());
    let (steps, batch) = (config.steps, config.batch);
    let directory = RunDir::open(folder, &run.config.clip, true)?;
    if !directory.changes().is_empty() {
        let changes = directory.changes().join(", ");
        return Err(Failure::failed(format!("{}: {changes}", folder.display()))
            .expected("the settings that this stage was begun with")
            .hint("another --run, or the settings as they were"));
    }
    let begun = directory.load_latest()?.map_or(0, |latest| latest.step);
    let mut log = directory.stats(begun)?;
    let trainer = Trainer {
        config,
        clip: settings.model,
        tokenizer,
        checkpoints: Some(directory.checkpoints()),
    };

    let mut progress = console.progress("clip", begun, steps);
    let start = Instant::now();
    let mut found = None;
    let mut failed = None;
    let state = trainer.run(&mut pairs, &device, |event| {
        let written = match event {
            Event::Step(stats) => {
                let step = stats.step + 1;
                let done = (step - begun) * batch as u64;
                let speed = done as f64 / start.elapsed().as_secs_f64();
                progress.set(
                    step,
                    format_args!("{speed:.1} pairs/s, loss {:.3}", stats.loss),
                );
                let values = json!({
                    "loss": stats.loss,
                    "scale": stats.scale,
                    "lr": stats.lr,
                    "gradient_norm": stats.gradient_norm,
                });
                log.write(step, &values)
            }
            Event::Evaluated(step, retrieval) => {
                found = Some(retrieval);
                log.write(step, &json!({ "retrieval": retrieval }))
            }
            _ => Ok(()),
        };
        failed = failed.take().or(written.err());
    })?;
    progress.finish();
    if let Some(failure) = failed {
        return Err(failure.into());
    }
    let clip = state.trained();
    let retrieval = match found {
        Some(retrieval) => retrieval,
        None => trainer.evaluate(&clip, state.step, &mut pairs, &device)?,
    };
    clip.save(folder.join("model"), &trainer.tokenizer, Dtype::F32)?;
    Ok(json!({ "retrieval": retrieval }))
}

/// Pairs of the run's data.
struct Source<'a> {
    run: &'a Run<'a>,
    resolution: usize,
    stream: Option<(u64, Stream)>,
    held_out: Shared,
}

impl<'a> Source<'a> {
    fn new(run: &'a Run<'a>, evaluate: usize) -> Outcome<Self> {
        let resolution = run.config.clip.model.vision.image_size;
        let held_out = data::held_out(&run.config, resolution, evaluate)?;
        if held_out.len() < 2 {
            return Err(Failure::failed("too few pictures to hold some out")
                .expected("at least 32 pictures with captions"));
        }
        Ok(Self {
            run,
            resolution,
            stream: None,
            held_out,
        })
    }
}

impl Pairs for Source<'_> {
    fn training(&mut self, step: u64, count: usize, device: &Device) -> Result<Batch, PairsError> {
        let mut stream = match self.stream.take() {
            Some((next, stream)) if next == step => stream,
            _ => {
                let pictures = data::training(&self.run.config, self.resolution)?;
                Stream::new(pictures, count, self.run.config.seed, step, device)?
            }
        };
        let batch = stream.next_batch()?;
        self.stream = Some((step + 1, stream));
        pairs(batch, device)
    }

    fn held_out(
        &mut self,
        start: usize,
        count: usize,
        device: &Device,
    ) -> Result<Batch, PairsError> {
        let indices: Vec<usize> = (start..start + count).collect();
        pairs(
            clip2gan_data::sample_batch(&*self.held_out, &indices)?,
            device,
        )
    }
}

fn pairs(batch: clip2gan_data::Batch, device: &Device) -> Result<Batch, PairsError> {
    Ok(Batch {
        captions: data::captions(&batch)?,
        pixels: data::pictures(batch, device),
    })
}
