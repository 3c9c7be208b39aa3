//! The loop around a step: pictures in, checkpoints, statistics and sample grids out.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use burn::tensor::Tensor;
use clip2gan_stylegan2::Generator;
use clip2gan_train::{RunDir, Stats, grid};

use super::{MapperState, MapperStats, MapperTrainer};
use crate::{Bridge, Error, Mapper};

/// Any error of the source of rendered pictures.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Something that happened during training.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A step was made.
    Step(&'a MapperStats),
    /// Sample grids were written: reconstructions, and sentences where there are any.
    Samples(&'a [PathBuf]),
    /// A checkpoint was written after so many steps.
    Checkpoint(u64),
}

/// What the sample grids show.
#[derive(Clone, Debug)]
pub struct Preview {
    /// Pictures to reconstruct, `[n, 3, r, r]` in −1..1.
    pub pictures: Tensor<4>,
    /// Features of sentences from CLIP's text tower, `[m, feature_dim]`.
    pub sentences: Option<Tensor<2>>,
    /// The seeds that each sentence is drawn with.
    pub seeds: Vec<u64>,
    /// Scale of the noise on the sentences' features.
    pub feature_noise: f64,
}

/// A run: trainer, state and directory.
#[derive(Debug)]
pub struct MapperRun {
    trainer: MapperTrainer,
    state: MapperState,
    run: RunDir,
    stats: Stats,
    preview: Preview,
}

/// Checkpoints kept on disk.
const KEEP: usize = 2;

impl MapperRun {
    /// Opens the run directory `dir`: continues from its newest checkpoint, or starts afresh with these centring statistics if
    /// it has none. Without `resume`, a directory that holds checkpoints is refused.
    ///
    /// # Errors
    /// A configuration that is not the one that the directory was made with, statistics of another width, broken files.
    pub fn open(
        trainer: MapperTrainer,
        bridge: Bridge,
        preview: Preview,
        dir: &Path,
        resume: bool,
    ) -> Result<Self, Error> {
        let run = RunDir::open(dir, trainer.config(), resume)?;
        // How often a run is looked at does not change what it gives.
        let free = ["samples_every:", "checkpoint_seconds:"];
        let changed = run
            .changes()
            .iter()
            .find(|change| !free.iter().any(|name| change.starts_with(name)));
        if let Some(change) = changed {
            return Err(Error::argument(
                "the configuration",
                format!("that of the run in {}", dir.display()),
                change,
            ));
        }
        let fresh = trainer.start(bridge)?;
        let state = match run.load_latest()? {
            Some(checkpoint) => fresh.restore(checkpoint)?,
            None => fresh,
        };
        Ok(Self {
            trainer,
            stats: run.stats(state.step)?,
            state,
            run,
            preview,
        })
    }

    /// Where the run stands.
    pub fn state(&self) -> &MapperState {
        &self.state
    }

    /// The mapper to use: the running average.
    pub fn mapper(&self) -> &Mapper {
        let MapperState { ema, .. } = &self.state;
        ema
    }

    /// The generator to use: the running average of the one that learnt along, or the one that the trainer was given.
    pub fn generator(&self) -> &Generator {
        self.trainer.generator(&self.state)
    }

    /// Trains until the configured number of steps, or until `observe` breaks; either way a checkpoint is left.
    ///
    /// `rendered(k)` gives the pictures of step `k` (`[rendered_per_batch, 3, r, r]`, −1..1) and must depend on nothing
    /// but `k`: then a run that was stopped and resumed ends with the very bytes of one that never stopped. It is not
    /// called where a batch has no rendered pictures.
    ///
    /// # Errors
    /// If pictures or files fail, or if the run diverges (the last checkpoint stays as it is).
    pub fn run(
        &mut self,
        rendered: &mut dyn FnMut(u64) -> Result<Tensor<4>, BoxError>,
        observe: &mut dyn FnMut(Event) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let config = self.trainer.config().clone();
        let mut saved_at = Instant::now();
        let mut saved = self.state.step;
        let mut flow = ControlFlow::Continue(());
        while flow.is_continue() && self.state.step < config.steps {
            let step = self.state.step;
            let pictures = match config.rendered_per_batch() {
                0 => self.trainer.no_pictures(),
                _ => rendered(step).map_err(|source| Error::Pictures { step, source })?,
            };
            let (state, stats) = self.trainer.step(self.state.clone(), pictures)?;
            self.state = state;
            self.stats.write(stats.step, &stats)?;
            flow = observe(Event::Step(&stats));
            let last = stats.step == config.steps;
            let due = |every: u64| every > 0 && (last || stats.step.is_multiple_of(every));
            if due(config.samples_every) {
                let paths = self.write_samples()?;
                flow = first_break(flow, observe(Event::Samples(&paths)));
            }
            if saved_at.elapsed() >= Duration::from_secs(config.checkpoint_seconds) {
                self.run.save(&self.state.checkpoint(), KEEP)?;
                flow = first_break(flow, observe(Event::Checkpoint(stats.step)));
                (saved_at, saved) = (Instant::now(), stats.step);
            }
        }
        if saved < self.state.step {
            self.run.save(&self.state.checkpoint(), KEEP)?;
            let _ = observe(Event::Checkpoint(self.state.step));
        }
        Ok(())
    }

    fn write_samples(&self) -> Result<Vec<PathBuf>, Error> {
        let Preview {
            pictures,
            sentences,
            seeds,
            feature_noise,
        } = &self.preview;
        let name = |what: &str| {
            let name = format!("{:09}-{what}.png", self.state.step);
            self.run.samples().join(name)
        };
        let mut paths = vec![name("reconstructions")];
        let made = self.trainer.reconstructions(&self.state, pictures.clone());
        grid::write_png(&paths[0], &grid::grid(made, pictures.dims()[0]))?;
        if let Some(features) = sentences {
            let path = name("sentences");
            let made = self
                .trainer
                .sentences(&self.state, features.clone(), seeds, *feature_noise);
            grid::write_png(&path, &grid::grid(made, seeds.len()))?;
            paths.push(path);
        }
        Ok(paths)
    }
}

fn first_break(a: ControlFlow<()>, b: ControlFlow<()>) -> ControlFlow<()> {
    if a.is_break() { a } else { b }
}
