//! The third stage: the mapper, from pictures, the finished CLIP and the finished generator.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use burn::tensor::Device;
use clip2gan_clip::{Clip, Tokenizer};
use clip2gan_mapper::train::{Event, MapperRun, MapperTrainer, Preview};
use clip2gan_mapper::{Bridge, MeanFeature};
use clip2gan_stylegan2::Generator;
use clip2gan_stylegan2::train::GanTrainer;
use clip2gan_weights::Dtype;
use serde_json::{Value, json};

use super::Run;
use super::data::{self, Stream};
use crate::args::Stage;
use crate::error::{Failure, Outcome};

/// Pictures and captions that the centring statistics are taken from.
const MEASURED: usize = 2048;
/// Pictures that go through CLIP together while measuring.
const CHUNK: usize = 64;
/// Pictures and captions that the sample grids show.
const SHOWN: usize = 8;

/// In the stage's folder, the generator that learnt along.
pub const GENERATOR: &str = "generator";

/// Trains, or goes on, and saves the averaged mapper, with the generator if it learns along.
pub fn train(run: &Run, folder: &Path) -> Outcome<Value> {
    let config = run.config.mapper.clone();
    let device = run.context.device()?;
    let (clip, tokenizer) = Clip::load(run.model(Stage::Clip)?, &device)?;
    let (generator, sizes) = Generator::load(run.model(Stage::Gan)?, &device)?;

    run.context
        .console
        .note("mapper: measuring CLIP's features");
    let bridge = measure(run, &clip, &tokenizer, &device)?;
    let preview = preview(run, &clip, &tokenizer, sizes.resolution, &device)?;
    let pictures = data::training(&run.config, sizes.resolution)?;
    let mut trainer = MapperTrainer::new(config.clone(), &clip, (&generator, &sizes))?;
    if config.adversary.is_some() {
        let gan = GanTrainer::open(
            run.config.gan.clone(),
            &run.stage_folder(Stage::Gan),
            &device,
        )?;
        trainer = trainer.with_discriminator(&gan.state().discriminator);
    }
    let mut training = MapperRun::open(trainer, bridge, preview, folder, true)?;
    let first = training.state().step;
    // A batch of the generator's pictures alone still asks for a batch of none.
    let batch = config.rendered_per_batch().max(1);
    let mut stream = Stream::new(pictures, batch, config.seed, first, &device)?;

    let start = Instant::now();
    let mut progress = run.context.console.progress("mapper", first, config.steps);
    let mut last = Value::Null;
    training.run(
        &mut |_| {
            Ok(stream
                .next_pictures()?
                .narrow(0, 0, config.rendered_per_batch()))
        },
        &mut |event| {
            if let Event::Step(stats) = event {
                let steps = (stats.step - first) as f64;
                let speed = steps * config.batch_size as f64 / start.elapsed().as_secs_f64();
                progress.set(
                    stats.step,
                    format_args!("{speed:.1} images/s, loss {:.3}", stats.loss),
                );
                last = json!(stats);
            }
            ControlFlow::Continue(())
        },
    )?;
    progress.finish();
    training.mapper().save(folder.join("model"), Dtype::F32)?;
    if run.config.tunes_generator() {
        let folder = folder.join(GENERATOR);
        training.generator().save(&sizes, folder, Dtype::F32)?;
    }
    Ok(last)
}

/// The mean feature of each modality.
fn measure(run: &Run, clip: &Clip, tokenizer: &Tokenizer, device: &Device) -> Outcome<Bridge> {
    let pictures = data::training(&run.config, clip.config().vision.image_size)?;
    let (mut images, mut texts) = (MeanFeature::default(), MeanFeature::default());
    let count = MEASURED.min(pictures.len());
    for start in (0..count).step_by(CHUNK) {
        let indices: Vec<usize> = (start..count.min(start + CHUNK)).collect();
        let batch = clip2gan_data::sample_batch(&*pictures, &indices)?;
        let captions = data::captions(&batch)?;
        texts.add(clip.encode_sentences(tokenizer, &captions)?.0);
        let pixels = clip.normalize_pixels(data::pictures(batch, device));
        images.add(clip.encode_image(pixels));
    }
    match (images.finish(), texts.finish()) {
        (Some(image), Some(text)) => Ok(Bridge::new(image, text)),
        _ => Err(Failure::failed("there are no pictures to measure")),
    }
}

/// Held-out pictures and captions where there are any.
fn preview(
    run: &Run,
    clip: &Clip,
    tokenizer: &Tokenizer,
    resolution: usize,
    device: &Device,
) -> Outcome<Preview> {
    let mut shown = data::held_out(&run.config, resolution, SHOWN)?;
    if shown.is_empty() {
        shown = data::training(&run.config, resolution)?;
    }
    let batch = data::first(&shown, SHOWN)?;
    let (sentences, _) = clip.encode_sentences(tokenizer, &data::captions(&batch)?)?;
    Ok(Preview {
        pictures: data::pictures(batch, device),
        sentences: Some(sentences),
        seeds: (0..4).collect(),
        feature_noise: run.config.defaults.feature_noise,
    })
}
