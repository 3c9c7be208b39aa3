//! The loop around [`step`]: real images in, checkpoints, statistics and sample grids out.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use burn::tensor::{Device, Tensor};
use clip2gan_train::{Checkpoint, RunDir, Stats, checkpoint, rng};
use clip2gan_weights::Dtype;
use serde_json::{Map, Value};

use crate::train::{Event, StepStats, TrainConfig, TrainState, step, write_grid};
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
        Ok(Self {
            config,
            state,
            run,
            stats,
            device: device.clone().without_autodiff(),
        })
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
    /// `real(k)` gives the batch of step `k` (`[batch, channels, r, r]`, −1..1) and must depend on nothing but `k`:
    /// then a run that was stopped and resumed ends with the very bytes of one that never stopped.
    ///
    /// # Errors
    /// If real images or files fail, or if the run diverges (the last checkpoint stays as it is).
    pub fn run(
        &mut self,
        real: &mut dyn FnMut(u64) -> Result<Tensor<4>, BoxError>,
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

    /// Draws the same latents each time, with the averaged generator.
    fn write_samples(&self, stats: &StepStats) -> Result<PathBuf> {
        let side = self.config.grid;
        let mut rng = rng::stream(self.config.seed, "sample grid", 0);
        let rows = (0..side).map(|_| {
            let z = rng::randn([side, self.config.z_dim], &mut rng, &self.device);
            self.state.ema.forward(z, 1.0, NoiseMode::Const)
        });
        let path = self.run.samples().join(format!("{:08}.png", stats.images));
        write_grid(Tensor::cat(rows.collect(), 0), side, &path)?;
        Ok(path)
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
