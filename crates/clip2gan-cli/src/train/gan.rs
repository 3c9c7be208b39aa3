//! The second stage: the generator, from pictures alone.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use clip2gan_stylegan2::train::{Event, GanTrainer, RealBatch};
use clip2gan_weights::Dtype;
use serde_json::{Value, json};

use super::Run;
use super::data::{self, Stream};
use crate::error::Outcome;

/// Trains, or goes on, and saves the averaged generator.
pub fn train(run: &Run, folder: &Path) -> Outcome<Value> {
    let config = run.config.gan.clone();
    let device = run.context.device()?;
    let pictures = data::training(&run.config, config.resolution)?;
    let classes = data::classes(&run.config)?;
    let mut trainer = GanTrainer::open(config.clone(), folder, &device)?;
    if let Some(classes) = classes.as_ref().filter(|classes| !classes.are_one_hot()) {
        trainer = trainer.with_grid_labels(classes.first(config.grid, &device))?;
    }
    let step = trainer.state().step;
    let mut stream = Stream::new(pictures, config.batch, config.seed, step, &device)?;

    let first = trainer.state().images(&config);
    let start = Instant::now();
    let total = config.total_steps() * config.batch as u64;
    let mut progress = run.context.console.progress("gan", first, total);
    let mut last = Value::Null;
    let mut real = |_| {
        let batch = stream.next_batch()?;
        let labels = classes.as_ref();
        let labels = labels.map(|classes| classes.of(&batch.indices, &device));
        let images = data::pictures(batch, &device);
        Ok(RealBatch { images, labels })
    };
    trainer.run(&mut real, &mut |event| {
        if let Event::Step(stats) = event {
            let speed = (stats.images - first) as f64 / start.elapsed().as_secs_f64();
            progress.set(
                stats.images,
                format_args!(
                    "{speed:.1} images/s, G {:.3}, D {:.3}",
                    stats.generator_loss, stats.discriminator_loss
                ),
            );
            last = json!(stats);
        }
        ControlFlow::Continue(())
    })?;
    progress.finish();
    trainer
        .state()
        .ema
        .save(&config.generator(), folder.join("model"), Dtype::F32)?;
    Ok(last)
}
