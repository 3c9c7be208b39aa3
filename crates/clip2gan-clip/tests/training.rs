//! Training on pairs that can be learnt: a colour and a position, and their names.

use std::path::PathBuf;

use burn::tensor::{Device, Tensor, TensorData};
use clip2gan_clip::train::{
    Batch, Event, Pairs, PairsError, TrainConfig, TrainState, Trainer, step,
};
use clip2gan_clip::{ClipConfig, Layers, Tokenizer};
use clip2gan_train::rng;

const COLOURS: [(&str, [f32; 3]); 5] = [
    ("red", [1.0, -1.0, -1.0]),
    ("green", [-1.0, 1.0, -1.0]),
    ("blue", [-1.0, -1.0, 1.0]),
    ("white", [1.0, 1.0, 1.0]),
    ("grey", [0.0, 0.0, 0.0]),
];
const PLACES: [&str; 4] = ["upper left", "upper right", "lower left", "lower right"];

/// A coloured square in a corner; there are 100 pictures and as many sentences.
struct Squares;

impl Squares {
    fn batch(&self, stream: (&str, u64), count: usize, device: &Device) -> Batch {
        let mut rng = rng::stream(0, stream.0, stream.1);
        let mut values = Vec::with_capacity(count * 3 * 256);
        let mut captions = Vec::with_capacity(count);
        for _ in 0..count {
            let [ground, square] = [(); 2].map(|()| COLOURS[rng::index(&mut rng, 5)]);
            let place = rng::index(&mut rng, 4);
            for channel in 0..3 {
                for (y, x) in (0..16).flat_map(|y| (0..16).map(move |x| (y, x))) {
                    let inside = (y / 8) * 2 + x / 8 == place;
                    values.push(if inside {
                        square.1[channel]
                    } else {
                        ground.1[channel]
                    });
                }
            }
            captions.push(format!(
                "a {} square, {}, on {}",
                square.0, PLACES[place], ground.0
            ));
        }
        Batch {
            pixels: Tensor::from_data(TensorData::new(values, [count, 3, 16, 16]), device),
            captions,
        }
    }
}

impl Pairs for Squares {
    fn training(&mut self, step: u64, count: usize, device: &Device) -> Result<Batch, PairsError> {
        Ok(self.batch(("train", step), count, device))
    }

    fn held_out(
        &mut self,
        start: usize,
        count: usize,
        device: &Device,
    ) -> Result<Batch, PairsError> {
        Ok(self.batch(("held out", start as u64), count, device))
    }
}

fn trainer(steps: u64, checkpoints: Option<PathBuf>) -> Trainer {
    let mut clip = ClipConfig::avatars();
    clip.embed_dim = 32;
    clip.vision.image_size = 16;
    clip.vision.patch_size = 8;
    clip.vision.width = 32;
    clip.vision.heads = 2;
    clip.vision.layers = Layers::Transformer(2);
    clip.text.vocab_size = 560;
    clip.text.width = 32;
    clip.text.layers = 2;
    let captions = Squares.batch(("words", 0), 64, &Device::flex()).captions;
    let tokenizer = Tokenizer::train(&captions, clip.text.vocab_size).unwrap();
    let config = TrainConfig {
        steps,
        batch: 32,
        lr: 3e-3,
        warmup: 10,
        evaluate_every: 0,
        evaluate_pairs: 64,
        checkpoint_every: 0,
        ..Default::default()
    };
    Trainer {
        config,
        clip,
        tokenizer,
        checkpoints,
    }
}

#[test]
fn what_can_be_learnt_is_learnt() {
    let device = Device::flex();
    let [mut first, mut last] = [None, None];
    let mut recall = None;
    trainer(120, None)
        .run(&mut Squares, &device, |event| match event {
            Event::Step(stats) => {
                first.get_or_insert(stats.loss);
                last = Some(stats.loss);
                assert!(stats.scale <= 100.0);
            }
            Event::Evaluated(step, found) => recall = Some((step, found)),
            _ => {}
        })
        .unwrap();
    let [first, last] = [first, last].map(Option::unwrap);
    let (step, recall) = recall.unwrap();
    assert_eq!(step, 120);
    assert!(first > 2.5 && last < 1.0, "{first} {last}");
    // About half of 64 pairs of 100 possible ones have a double, and those count as misses.
    assert!(
        recall.image_to_text > 0.2 && recall.text_to_image > 0.2,
        "{recall:?}"
    );
}

#[test]
fn a_step_is_a_function_of_state_and_batch() {
    let device = Device::flex();
    let trainer = trainer(5, None);
    let state = TrainState::new(&trainer.config, &trainer.clip, &device).unwrap();
    let batch = Squares.batch(("train", 0), 8, &device);
    let take = || step(state.clone(), &batch, &trainer.tokenizer, &trainer.config).unwrap();
    let [(a, a_stats), (b, b_stats)] = [take(), take()];
    assert_eq!(a_stats, b_stats);
    assert_eq!(a.to_arrays(), b.to_arrays());
    assert_ne!(a.to_arrays()[0], state.to_arrays()[0]);
    assert_eq!([a.step, state.step], [1, 0]);
}

#[test]
fn a_resumed_run_goes_on_exactly() {
    let device = Device::flex();
    let folder = tempfile::tempdir().unwrap();
    let whole = trainer(6, None).run(&mut Squares, &device, |_| {}).unwrap();

    let mut first = trainer(6, Some(folder.path().join("checkpoints")));
    first.config.checkpoint_every = 3;
    // Stops in the fourth step, as if the power had failed.
    let mut failing = StopAt(3);
    let error = first
        .run(&mut failing, &device, |_| {})
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("step 3") && error.contains("power"),
        "{error}"
    );

    let mut steps = Vec::new();
    let resumed = first
        .run(&mut Squares, &device, |event| {
            if let Event::Step(stats) = event {
                steps.push(stats.step);
            }
        })
        .unwrap();
    assert_eq!(steps, [3, 4, 5]);
    assert_eq!(resumed.to_arrays(), whole.to_arrays());
}

struct StopAt(u64);

impl Pairs for StopAt {
    fn training(&mut self, step: u64, count: usize, device: &Device) -> Result<Batch, PairsError> {
        if step == self.0 {
            return Err("the power failed".into());
        }
        Squares.training(step, count, device)
    }

    fn held_out(
        &mut self,
        start: usize,
        count: usize,
        device: &Device,
    ) -> Result<Batch, PairsError> {
        Squares.held_out(start, count, device)
    }
}

#[test]
fn bad_settings_and_batches_are_errors() {
    let device = Device::flex();
    let mut bad = trainer(5, None);
    bad.config.batch = 1;
    let error = bad
        .run(&mut Squares, &device, |_| {})
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(error.contains("batch is 1"), "{error}");

    let trainer = trainer(5, None);
    let state = TrainState::new(&trainer.config, &trainer.clip, &device).unwrap();
    let mut batch = Squares.batch(("train", 0), 4, &device);
    batch.captions.pop();
    let error = step(state, &batch, &trainer.tokenizer, &trainer.config)
        .map(|_| ())
        .unwrap_err();
    assert!(error.to_string().contains("expected 4"), "{error}");
}

/// Gradient caching: parts of uneven sizes give the step of the whole batch.
#[test]
fn a_batch_in_parts_is_the_same_batch() {
    let whole = trainer(1, None);
    for patch_dropout in [0.0, 0.5] {
        let after = |accumulate| {
            let config = TrainConfig {
                accumulate,
                patch_dropout,
                ..whole.config.clone()
            };
            let device = Device::flex();
            let state = TrainState::new(&config, &whole.clip, &device).unwrap();
            let batch = Squares.batch(("train", 0), config.batch, &device);
            let (state, stats) = step(state, &batch, &whole.tokenizer, &config).unwrap();
            (state.to_arrays(), stats)
        };
        let (expected, stats) = after(1);
        for parts in [2, 5, 32] {
            let (found, stats_in_parts) = after(parts);
            assert!((stats.loss - stats_in_parts.loss).abs() < 1e-5 * stats.loss);
            let norms = [stats.gradient_norm, stats_in_parts.gradient_norm];
            assert!((norms[0] - norms[1]).abs() < 1e-4 * norms[0], "{norms:?}");
            // Adam's first moments are the gradients, scaled alike.
            for (key, array) in &expected[1] {
                if !key.starts_with("first.") {
                    continue;
                }
                let (a, b) = (array.to_f32(), found[1][key].to_f32());
                let largest = a.iter().fold(1e-7_f32, |max, x| max.max(x.abs()));
                for (a, b) in a.iter().zip(&b) {
                    assert!(
                        (a - b).abs() <= 1e-3 * largest,
                        "{parts} parts, {key}: {a} {b}"
                    );
                }
            }
        }
    }
}

#[test]
fn dropped_patches_are_not_seen() {
    let clip = trainer(1, None).clip.init(&Device::flex());
    let clip2gan_clip::ImageEncoder::Transformer(vision) = &clip.visual else {
        panic!("a transformer");
    };
    let device = Device::flex();
    let pixels = Squares.batch(("patches", 0), 1, &device).pixels;
    let kept = |patches: [i32; 2]| Tensor::from_data([patches], &device);
    let feature = |pixels: &Tensor<4>, patches| vision.forward_kept(pixels.clone(), kept(patches));
    // The upper left quarter, patch 0, changes.
    let changed = pixels.clone().slice_assign(
        [0..1, 0..3, 0..8, 0..8],
        Tensor::ones([1, 3, 8, 8], &device) * 0.3,
    );
    let difference = |patches| -> f32 {
        (feature(&pixels, patches) - feature(&changed, patches))
            .abs()
            .max()
            .into_scalar()
    };
    assert_eq!(difference([1, 3]), 0.0);
    assert!(difference([0, 3]) > 1e-4);
    let all = Tensor::from_data([[0, 1, 2, 3]], &device);
    let whole: f32 = (vision.forward_kept(pixels.clone(), all) - clip.encode_image(pixels))
        .abs()
        .max()
        .into_scalar();
    assert!(whole < 1e-6);
}
