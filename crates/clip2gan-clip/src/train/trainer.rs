//! The loop around the step: batches in, evaluation and checkpoints out.

use std::path::PathBuf;

use burn::tensor::{Device, Tensor};
use clip2gan_train::{Checkpoint, checkpoint};

use super::{Batch, Retrieval, StepStats, TrainConfig, TrainState, retrieval, step};
use crate::{Clip, ClipConfig, Error, Tokenizer};

/// Whatever a source of pairs has to complain about.
pub type PairsError = Box<dyn std::error::Error + Send + Sync>;

/// Where pictures and captions come from. What it gives must depend on the arguments only, so that a resumed run sees
/// what the uninterrupted one would have seen.
pub trait Pairs {
    /// The `count` pairs to train on in step `step`, on `device`.
    ///
    /// # Errors
    /// Anything that keeps it from giving them.
    fn training(&mut self, step: u64, count: usize, device: &Device) -> Result<Batch, PairsError>;

    /// The `count` pairs from number `start` on that are never trained on.
    ///
    /// # Errors
    /// Anything that keeps it from giving them.
    fn held_out(
        &mut self,
        start: usize,
        count: usize,
        device: &Device,
    ) -> Result<Batch, PairsError>;
}

/// What happens during a run.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A step is done.
    Step(StepStats),
    /// Retrieval was measured after this many steps.
    Evaluated(u64, Retrieval),
    /// A checkpoint of this many steps was written.
    Saved(u64),
}

/// A run: settings, sizes, tokenizer, and where its checkpoints are.
#[derive(Debug, Clone)]
pub struct Trainer {
    /// How to train.
    pub config: TrainConfig,
    /// The model's sizes.
    pub clip: ClipConfig,
    /// The tokenizer, already trained.
    pub tokenizer: Tokenizer,
    /// The folder of the checkpoints, if there shall be any.
    pub checkpoints: Option<PathBuf>,
}

/// Pairs that are encoded at once when retrieval is measured.
const EVALUATION_BATCH: usize = 64;
/// The groups of a checkpoint.
const MODEL: &str = "clip";
const OPTIMIZER: &str = "adam";
/// Checkpoints that are kept.
const KEPT: usize = 2;

impl Trainer {
    /// Trains to the last step, from the latest checkpoint if there is one, and returns the state at the end.
    ///
    /// # Errors
    /// Whatever [`step`], the source of pairs or the disk has to complain about.
    pub fn run(
        &self,
        pairs: &mut impl Pairs,
        device: &Device,
        mut observer: impl FnMut(Event),
    ) -> Result<TrainState, Error> {
        let TrainConfig {
            steps,
            batch,
            evaluate_every,
            checkpoint_every,
            ..
        } = self.config;
        let mut state = self.start(device)?;
        let due =
            |step: u64, every: u64| step == steps || (every > 0 && step.is_multiple_of(every));
        while state.step < steps {
            let number = state.step;
            let batch = pairs
                .training(number, batch, device)
                .map_err(|source| Error::Pairs {
                    step: number,
                    source,
                })?;
            let stats;
            (state, stats) = step(state, &batch, &self.tokenizer, &self.config)?;
            observer(Event::Step(stats));
            if due(state.step, evaluate_every) {
                let found = self.evaluate(&state.trained(), state.step, pairs, device)?;
                observer(Event::Evaluated(state.step, found));
            }
            if due(state.step, checkpoint_every) && self.save(&state)? {
                observer(Event::Saved(state.step));
            }
        }
        Ok(state)
    }

    /// Recall at one among [`TrainConfig::evaluate_pairs`] held-out pairs. `step` is for the error only.
    ///
    /// # Errors
    /// Whatever the source of pairs has to complain about.
    pub fn evaluate(
        &self,
        clip: &Clip,
        step: u64,
        pairs: &mut impl Pairs,
        device: &Device,
    ) -> Result<Retrieval, Error> {
        let [mut images, mut texts] = [Vec::new(), Vec::new()];
        let total = self.config.evaluate_pairs;
        for start in (0..total).step_by(EVALUATION_BATCH) {
            let batch = pairs
                .held_out(start, EVALUATION_BATCH.min(total - start), device)
                .map_err(|source| Error::Pairs { step, source })?;
            images.push(clip.encode_image(clip.normalize_pixels(batch.pixels)));
            texts.push(clip.encode_sentences(&self.tokenizer, &batch.captions)?.0);
        }
        retrieval(Tensor::cat(images, 0), Tensor::cat(texts, 0))
    }

    /// The latest checkpoint's state, or that before the first step.
    fn start(&self, device: &Device) -> Result<TrainState, Error> {
        let state = TrainState::new(&self.config, &self.clip, device)?;
        let latest = match &self.checkpoints {
            Some(folder) => checkpoint::load_latest(folder)?,
            None => None,
        };
        let Some(mut latest) = latest else {
            return Ok(state);
        };
        let groups = [latest.take_group(MODEL)?, latest.take_group(OPTIMIZER)?];
        state.load_arrays(groups.each_ref(), latest.step)
    }

    /// Writes a checkpoint, if there is a folder for it.
    fn save(&self, state: &TrainState) -> Result<bool, Error> {
        let Some(folder) = &self.checkpoints else {
            return Ok(false);
        };
        let [model, optimizer] = state.to_arrays();
        let checkpoint = Checkpoint::new(state.step)
            .with_group(MODEL, model)
            .with_group(OPTIMIZER, optimizer);
        checkpoint::save(folder, &checkpoint, KEPT)?;
        Ok(true)
    }
}
