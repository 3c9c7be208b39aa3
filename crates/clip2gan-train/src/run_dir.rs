//! A run's folder: the resolved config, statistics, sample grids, checkpoints.
//!
//! ```text
//! run/
//!   config.toml    every option of the run, defaults included
//!   stats.jsonl
//!   samples/       000012000.png, …
//!   checkpoints/   step-000012000/, …
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use clip2gan_weights::{Error as WeightsError, write_atomic};
use image::RgbImage;
use serde::Serialize;
use toml::{Table, Value};

use crate::checkpoint::{self, Checkpoint};
use crate::stats::Stats;
use crate::{Error, Result, grid};

/// A run's folder.
#[derive(Debug, Clone)]
pub struct RunDir {
    path: PathBuf,
    changes: Vec<String>,
}

impl RunDir {
    /// Opens a run's folder, made if need be, and writes the resolved config into it.
    ///
    /// # Errors
    /// Without `resume`, when the folder already holds checkpoints: another run must not overwrite them.
    pub fn open(path: impl Into<PathBuf>, config: &impl Serialize, resume: bool) -> Result<Self> {
        let path = path.into();
        let mut run = RunDir {
            path,
            changes: Vec::new(),
        };
        let checkpoints = run.checkpoints();
        if !resume && checkpoint::load_latest(&checkpoints).map_or(true, |latest| latest.is_some())
        {
            let reason = "a run is already here; resume it, or choose another folder".to_owned();
            return Err(Error::Invalid {
                path: run.path,
                reason,
            });
        }
        for folder in [run.samples(), checkpoints] {
            fs::create_dir_all(&folder).map_err(WeightsError::io("create", &folder))?;
        }
        let text = toml::to_string_pretty(config).map_err(convert("a config"))?;
        let file = run.config();
        if file.exists() {
            let before = fs::read_to_string(&file).map_err(WeightsError::io("read", &file))?;
            let parse = |text: &str| {
                toml::from_str::<Table>(text).map_err(|error| Error::Invalid {
                    path: file.clone(),
                    reason: error.to_string(),
                })
            };
            run.changes = changes(&parse(&before)?, &parse(&text)?);
        }
        write_atomic(&file, text.as_bytes())?;
        Ok(run)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How the config differs from the one that was here before, as `train.lr: 0.002 -> 0.001`.
    ///
    /// A run that is resumed with another config is no longer the run that it was.
    pub fn changes(&self) -> &[String] {
        &self.changes
    }

    /// `config.toml`.
    pub fn config(&self) -> PathBuf {
        self.path.join("config.toml")
    }

    /// The folder of sample grids.
    pub fn samples(&self) -> PathBuf {
        self.path.join("samples")
    }

    /// The folder of checkpoints.
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// Opens `stats.jsonl`, and drops what it says of steps after `step`.
    pub fn stats(&self, step: u64) -> Result<Stats> {
        Stats::resume(&self.path.join("stats.jsonl"), step)
    }

    /// Writes the sample grid of a step, and returns its path.
    pub fn write_sample(&self, step: u64, image: &RgbImage) -> Result<PathBuf> {
        let path = self.samples().join(format!("{step:09}.png"));
        grid::write_png(&path, image)?;
        Ok(path)
    }

    /// Writes any other small file, such as the source's revision.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.path.join(name);
        write_atomic(&path, bytes)?;
        Ok(path)
    }

    /// Saves a checkpoint and keeps the last `keep`; see [`checkpoint::save`].
    pub fn save(&self, checkpoint: &Checkpoint, keep: usize) -> Result<PathBuf> {
        checkpoint::save(&self.checkpoints(), checkpoint, keep)
    }

    /// The latest whole checkpoint; see [`checkpoint::load_latest`].
    pub fn load_latest(&self) -> Result<Option<Checkpoint>> {
        checkpoint::load_latest(&self.checkpoints())
    }
}

/// Every leaf in which two tables differ.
fn changes(before: &Table, after: &Table) -> Vec<String> {
    let (mut from, mut to) = (Vec::new(), Vec::new());
    flatten("", before, &mut from);
    flatten("", after, &mut to);
    let find = |table: &[(String, String)], key: &str| {
        table
            .iter()
            .find(|(name, _)| name == key)
            .map_or("(none)".to_owned(), |(_, value)| value.clone())
    };
    let mut keys: Vec<&String> = from.iter().chain(&to).map(|(key, _)| key).collect();
    keys.sort();
    keys.dedup();
    keys.into_iter()
        .filter(|key| find(&from, key) != find(&to, key))
        .map(|key| format!("{key}: {} -> {}", find(&from, key), find(&to, key)))
        .collect()
}

fn flatten(prefix: &str, table: &Table, leaves: &mut Vec<(String, String)>) {
    for (key, value) in table {
        match value {
            Value::Table(table) => flatten(&format!("{prefix}{key}."), table, leaves),
            value => leaves.push((format!("{prefix}{key}"), value.to_string())),
        }
    }
}

fn convert(what: &'static str) -> impl FnOnce(toml::ser::Error) -> Error {
    move |error| Error::Convert {
        what,
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Config {
        seed: u64,
        train: Train,
    }

    #[derive(Serialize)]
    struct Train {
        lr: f64,
    }

    #[test]
    fn a_run_is_made_saved_and_resumed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/run");
        let config = |lr| Config {
            seed: 1,
            train: Train { lr },
        };
        let run = RunDir::open(&path, &config(0.002), false).unwrap();
        assert!(run.changes().is_empty());
        assert!(
            fs::read_to_string(run.config())
                .unwrap()
                .contains("lr = 0.002")
        );
        RunDir::open(&path, &config(0.002), false).expect("nothing is there to overwrite yet");
        run.save(&Checkpoint::new(4), 2).unwrap();
        run.stats(4).unwrap().write(4, &Train { lr: 0.0 }).unwrap();
        let sample = run.write_sample(4, &RgbImage::new(2, 3)).unwrap();
        assert_eq!(image::open(sample).unwrap().to_rgb8().dimensions(), (2, 3));

        let error = RunDir::open(&path, &config(0.002), false)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("deep/run") && error.contains("resume"),
            "{error}"
        );
        let resumed = RunDir::open(&path, &config(0.001), true).unwrap();
        assert_eq!(resumed.changes(), ["train.lr: 0.002 -> 0.001"]);
        assert_eq!(resumed.load_latest().unwrap().unwrap().step, 4);
    }
}
