//! `clip2gan train`: the stages of a bundle, one after the other or each alone.
//!
//! A run's folder holds `run.toml` (the settings as they were understood), a folder for each stage with its checkpoints,
//! `stats.jsonl`, sample pictures and finished `model/`, the `bundle/`, and in `done/` a file for each finished stage.

mod bundle;
mod clip;
mod config;
pub mod data;
mod gan;
mod mapper;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use clip2gan_weights::write_atomic;
use serde::Serialize;
use serde_json::{Value, json};

use crate::args::{Stage, Train};
use crate::commands::Context;
use crate::error::{Failure, Outcome, at};
use config::RunConfig;

/// A run on its way.
pub struct Run<'a> {
    context: &'a Context,
    config: RunConfig,
    folder: PathBuf,
    resume: bool,
}

/// Trains the stage that was asked for, or all.
pub fn run(context: &Context, options: &Train) -> Outcome {
    let config = RunConfig::read(&options.config, context.seed)?;
    let folder = match &options.run {
        Some(folder) => folder.clone(),
        None => Path::new("runs").join(&config.name),
    };
    config.validate()?;
    let resolved = toml::to_string_pretty(&config)?;
    if options.dry_run {
        context.console.answer(resolved.trim_end(), json!(config));
        return Ok(());
    }
    let c_dim = config.gan.c_dim;
    if c_dim > 0 && options.stage == Stage::All {
        // The mapper would say so, after two stages.
        return Err(
            Failure::failed(format!("gan.c_dim is {c_dim}, and mappers take no classes"))
                .expected("0 where every stage is trained")
                .hint("train gan for a class-conditional generator alone"),
        );
    }
    context
        .console
        .note(format_args!("{resolved}\nrun: {}", folder.display()));
    let run = Run {
        context,
        config,
        folder,
        resume: options.resume,
    };
    match options.stage {
        Stage::All => [Stage::Clip, Stage::Gan, Stage::Mapper, Stage::Bundle]
            .into_iter()
            .try_for_each(|stage| run.stage(stage)),
        stage => run.stage(stage),
    }
}

impl Run<'_> {
    fn stage(&self, stage: Stage) -> Outcome {
        let name = name(stage);
        let folder = self.stage_folder(stage);
        let marker = self.folder.join("done").join(format!("{name}.json"));
        let settings = self.settings(stage)?;
        if marker.is_file() {
            return self.already_done(name, &marker, &settings);
        }
        if !self.resume && folder.exists() {
            return Err(Failure::failed(format!(
                "{}: there is such a stage already",
                folder.display()
            ))
            .expected("a new run")
            .hint("--resume to go on, or another --run"));
        }
        std::fs::create_dir_all(&self.folder).map_err(at(&self.folder))?;
        let resolved = toml::to_string_pretty(&self.config)?;
        write_atomic(&self.folder.join("run.toml"), resolved.as_bytes())?;
        let start = Instant::now();
        let figures = match stage {
            Stage::Clip => clip::train(self, &folder),
            Stage::Gan => gan::train(self, &folder),
            Stage::Mapper => mapper::train(self, &folder),
            Stage::Bundle | Stage::All => bundle::assemble(self, &folder),
        }?;
        let done = json!({
            "stage": name,
            "seconds": start.elapsed().as_secs_f64(),
            "figures": figures,
            "version": clip2gan::VERSION,
            "revision": revision(),
            "settings": settings,
        });
        if let Some(parent) = marker.parent() {
            std::fs::create_dir_all(parent).map_err(at(parent))?;
        }
        write_atomic(&marker, format!("{done:#}\n").as_bytes())?;
        self.report(name, &done);
        Ok(())
    }

    fn already_done(&self, name: &str, marker: &Path, settings: &Value) -> Outcome {
        let text = std::fs::read_to_string(marker).map_err(at(marker))?;
        let done: Value = serde_json::from_str(&text)?;
        if done["settings"] != *settings {
            return Err(Failure::failed(format!(
                "{}: this stage was finished with other settings",
                marker.display()
            ))
            .expected("the settings that stand in this file")
            .hint("another --run, or delete this file and the stage's folder"));
        }
        if !self.resume {
            return Err(
                Failure::failed(format!("{}: this stage is finished", marker.display()))
                    .hint("--resume to pass over it, or another --run"),
            );
        }
        self.context
            .console
            .note(format_args!("{name}: finished before"));
        Ok(())
    }

    fn report(&self, name: &str, done: &Value) {
        let seconds = done["seconds"].as_f64().unwrap_or_default();
        self.context.console.done(
            format_args!(
                "{name}: finished in {seconds:.0} s ({})",
                summary(&done["figures"])
            ),
            json!({ "stage": name, "seconds": seconds, "figures": done["figures"] }),
        );
    }

    /// What the result of a stage depends on.
    fn settings(&self, stage: Stage) -> Outcome<Value> {
        let RunConfig {
            seed,
            data,
            clip,
            gan,
            mapper,
            ..
        } = &self.config;
        let (data, clip, gan) = (as_written(data)?, as_written(clip)?, as_written(gan)?);
        Ok(match stage {
            Stage::Clip => json!({ "seed": seed, "data": data, "clip": clip }),
            Stage::Gan => json!({ "seed": seed, "data": data, "gan": gan }),
            Stage::Mapper => {
                let mapper = as_written(mapper)?;
                json!({ "seed": seed, "data": data, "clip": clip, "gan": gan, "mapper": mapper })
            }
            Stage::Bundle | Stage::All => as_written(&self.config)?,
        })
    }

    fn stage_folder(&self, stage: Stage) -> PathBuf {
        self.folder.join(name(stage))
    }

    /// The finished model of an earlier stage.
    fn model(&self, stage: Stage) -> Outcome<PathBuf> {
        let name = name(stage);
        let model = self.stage_folder(stage).join("model");
        if self
            .folder
            .join("done")
            .join(format!("{name}.json"))
            .is_file()
        {
            return Ok(model);
        }
        Err(
            Failure::failed(format!("{}: no finished model", model.display()))
                .expected(format!("that the stage {name} has been trained"))
                .hint(format!(
                    "train {name} with the same --config and --run first"
                )),
        )
    }
}

/// A value as it is read from the file that it is written to: `f32` has fewer digits there than as a JSON value.
fn as_written(value: &impl Serialize) -> Outcome<Value> {
    Ok(serde_json::from_str(&serde_json::to_string(value)?)?)
}

/// Figures in a line: `loss 1.676, step 30`.
fn summary(figures: &Value) -> String {
    let Value::Object(figures) = figures else {
        return match figures.as_f64() {
            Some(number) if number.fract() != 0.0 => format!("{number:.4}"),
            _ => figures.as_str().map_or(figures.to_string(), str::to_owned),
        };
    };
    let parts = figures
        .iter()
        .map(|(name, value)| format!("{name} {}", summary(value)));
    parts.collect::<Vec<_>>().join(", ")
}

fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Clip => "clip",
        Stage::Gan => "gan",
        Stage::Mapper => "mapper",
        Stage::Bundle => "bundle",
        Stage::All => "all",
    }
}

/// The revision of the source tree that this program was built from, where it still stands.
fn revision() -> Option<String> {
    let output = Command::new("git")
        .args([
            "-C",
            env!("CARGO_MANIFEST_DIR"),
            "describe",
            "--always",
            "--dirty",
            "--abbrev=40",
        ])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_string()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_the_same_when_they_come_back_from_a_file() {
        let preset = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/presets/avatars.toml");
        let config = RunConfig::read(&preset, None).unwrap();
        let settings = as_written(&config).unwrap();
        let text = format!("{settings:#}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), settings);
    }

    #[test]
    fn figures_fit_a_line() {
        let figures = json!({ "a": 0.123456, "b": { "among": 64, "hash": "0f" } });
        assert_eq!(summary(&figures), "a 0.1235, b among 64, hash 0f");
    }
}
