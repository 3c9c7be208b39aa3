//! The loop around [`step`]: real images in, checkpoints, statistics and sample grids out.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use burn::tensor::{Device, Int, Tensor, TensorData};
use clip2gan_train::{Checkpoint, RunDir, Stats, checkpoint, rng};
use clip2gan_weights::Dtype;
use serde_json::{Map, Value};

use crate::error::check_shape;
use crate::train::{Event, RealBatch, StepStats, TrainConfig, TrainState, step, write_grid};
use crate::{Error, NoiseMode, Result};

/// Any error of the source of real images.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Checkpoints that are kept: should the newest turn out to hold a run about to diverge, there is one before it.
const KEPT_CHECKPOINTS: usize = 2;

/// What bounds or watches a run without being part of it, and so may be changed when it goes on.
const CHANGEABLE: [&str; 5] = [
    "total_images",
    "samples_every",
    "snapshots_every",
    "grid",
    "checkpoint_seconds",
];

/// A run: its configuration, its state and its directory.
#[derive(Debug)]
pub struct GanTrainer {
    config: TrainConfig,
    state: TrainState,
    run: RunDir,
    stats: Stats,
    device: Device,
    /// `[k, c_dim]`: what sample grids show, in conditional runs.
    shown_labels: Option<Tensor<2>>,
}

impl GanTrainer {
    /// Opens the run directory `dir`: continues from its newest checkpoint, or starts afresh if it has none.
    ///
    /// # Errors
    /// If the configuration is impossible or not the one that the directory was made with, or if files are broken.
    pub fn open(config: TrainConfig, dir: &Path, device: &Device) -> Result<Self> {
        config.validate()?;
        let fresh = TrainState::new(&config, device);
        let state = match checkpoint::load_latest(&dir.join("checkpoints"))? {
            Some(checkpoint) => {
                check_changes(dir, &checkpoint, &config)?;
                fresh.restore(checkpoint)?
            }
            None => fresh,
        };
        let run = RunDir::open(dir, &config, true)?;
        let stats = run.stats(state.step)?;
        let device = device.clone().without_autodiff();
        Ok(Self {
            shown_labels: (config.c_dim > 0).then(|| Tensor::eye(config.c_dim, &device)),
            config,
            state,
            run,
            stats,
            device,
        })
    }

    /// Draws sample grids with these `labels [k, c_dim]`, rather than with every class: for labels that are not one-hot.
    ///
    /// # Errors
    /// [`Error::Shape`] for labels of another length, or none at all.
    pub fn with_grid_labels(mut self, labels: Tensor<2>) -> Result<Self> {
        let [k, c_dim] = labels.dims();
        let expected = [k.max(1), self.config.c_dim];
        check_shape("labels of sample grids", &expected, &[k, c_dim])?;
        self.shown_labels = (c_dim > 0).then_some(labels);
        Ok(self)
    }

    /// The configuration.
    pub fn config(&self) -> &TrainConfig {
        &self.config
    }

    /// Where the run stands.
    pub fn state(&self) -> &TrainState {
        &self.state
    }

    /// Trains until `total_images`, or until `observe` breaks; either way a checkpoint is left.
    ///
    /// `real(k)` gives the batch of step `k`, with labels in conditional runs, and must depend on nothing but `k`:
    /// then a run that was stopped and resumed ends with the very bytes of one that never stopped.
    ///
    /// # Errors
    /// If real images or files fail, or if the run diverges (the last checkpoint stays as it is).
    pub fn run(
        &mut self,
        real: &mut dyn FnMut(u64) -> Result<RealBatch, BoxError>,
        observe: &mut dyn FnMut(Event) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut saved_at = Instant::now();
        let mut saved = self.state.step;
        let mut flow = ControlFlow::Continue(());
        while flow.is_continue() && self.state.step < self.config.total_steps() {
            let batch = real(self.state.step).map_err(Error::Data)?;
            let (state, stats) = step(self.state.clone(), batch, &self.config)
                .map_err(|error| self.advise(error, saved))?;
            self.state = state;
            self.stats.write(stats.step, &stats)?;
            flow = observe(Event::Step(&stats));
            if self.due(self.config.samples_every, &stats) {
                let path = self.write_samples(&stats)?;
                flow = merge(flow, observe(Event::Samples(&path)));
            }
            if self.due(self.config.snapshots_every, &stats) {
                let folder = self.write_snapshot(&stats)?;
                flow = merge(flow, observe(Event::Snapshot(&folder, &self.state.ema)));
            }
            if saved_at.elapsed() >= Duration::from_secs(self.config.checkpoint_seconds) {
                flow = merge(flow, self.checkpoint(observe)?);
                (saved_at, saved) = (Instant::now(), self.state.step);
            }
        }
        if saved < self.state.step {
            let _ = self.checkpoint(observe)?;
        }
        Ok(())
    }

    fn checkpoint(
        &mut self,
        observe: &mut dyn FnMut(Event) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        self.run.save(
            &self.state.checkpoint().with_state(&self.config)?,
            KEPT_CHECKPOINTS,
        )?;
        Ok(observe(Event::Checkpoint(self.state.step)))
    }

    /// Whether something that happens every `every` images happens now.
    fn due(&self, every: u64, stats: &StepStats) -> bool {
        every > 0 && stats.images / every > (stats.images - self.config.batch as u64) / every
    }

    /// The averaged generator in a folder named after the thousands of images seen.
    fn write_snapshot(&self, stats: &StepStats) -> Result<PathBuf> {
        let name = format!("network-{:06}", stats.images / 1000);
        let folder = self.run.path().join("snapshots").join(name);
        let config = self.config.generator();
        self.state.ema.save(&config, &folder, Dtype::F32)?;
        Ok(folder)
    }

    /// Draws the same latents each time, with the averaged generator. Each column has a label of its own, or, where there
    /// are more labels than columns, each picture.
    fn write_samples(&self, stats: &StepStats) -> Result<PathBuf> {
        let side = self.config.grid;
        let mut rng = rng::stream(self.config.seed, "sample grid", 0);
        let ema = &self.state.ema;
        let rows = (0..side).map(|row| {
            let z = rng::randn([side, self.config.z_dim], &mut rng, &self.device);
            let w = ema.mapping.styles(z, self.labels_of_row(row));
            ema.synthesis.forward(ema.broadcast(w), NoiseMode::Const)
        });
        let path = self.run.samples().join(format!("{:08}.png", stats.images));
        write_grid(Tensor::cat(rows.collect(), 0), side, &path)?;
        Ok(path)
    }

    fn labels_of_row(&self, row: usize) -> Option<Tensor<2>> {
        let (labels, side) = (self.shown_labels.clone()?, self.config.grid);
        let count = labels.dims()[0];
        let first = if count > side { row * side } else { 0 };
        let places = (first..first + side).map(|place| (place % count) as i32);
        let places = TensorData::new(places.collect(), [side]);
        let places: Tensor<1, Int> = Tensor::from_data(places, &self.device);
        Some(labels.select(0, places))
    }

    fn advise(&self, error: Error, saved: u64) -> Error {
        match error {
            Error::NotFinite {
                what,
                value,
                step,
                advice,
            } => Error::NotFinite {
                what,
                value,
                step,
                advice: format!("{advice}; the last good checkpoint is that of step {saved}"),
            },
            other => other,
        }
    }
}

fn merge(a: ControlFlow<()>, b: ControlFlow<()>) -> ControlFlow<()> {
    if a.is_break() { a } else { b }
}

/// A checkpoint holds the configuration that it was made with.
fn check_changes(dir: &Path, checkpoint: &Checkpoint, config: &TrainConfig) -> Result<()> {
    let before: Map<String, Value> = checkpoint.state()?;
    let now: Map<String, Value> = Checkpoint::new(0).with_state(config)?.state()?;
    let changed =
        |key: &&String| !CHANGEABLE.contains(&key.as_str()) && before.get(*key) != now.get(*key);
    let Some(key) = now.keys().chain(before.keys()).find(changed) else {
        return Ok(());
    };
    let show = |config: &Map<String, Value>| {
        config
            .get(key)
            .map_or("nothing".to_owned(), Value::to_string)
    };
    Err(Error::Config {
        field: key.clone(),
        expected: format!(
            "{}, as in the run in {} (or use a new directory)",
            show(&before),
            dir.display()
        ),
        found: show(&now),
    })
}
