//! A run's settings: one TOML file for all stages, such as those in `xtask/presets/`.

use std::path::{Path, PathBuf};

use clip2gan::bundle::Defaults;
use clip2gan_clip::{ClipConfig, train};
use clip2gan_mapper::train::{AdversaryConfig, MapperTrainConfig};
use clip2gan_stylegan2::train::TrainConfig;
use serde::{Deserialize, Serialize};

use crate::error::{Failure, Outcome, at};

/// Everything that decides what comes out of a run.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Names the bundle, and the run's folder where none is given.
    pub name: String,
    /// One sentence about the bundle.
    #[serde(default)]
    pub description: String,
    /// The seed of every stage.
    #[serde(default)]
    pub seed: u64,
    /// Pictures whose features the bundle remembers, to stand in for sentences' (see [`clip2gan_mapper::memory`]).
    #[serde(default)]
    pub memory: usize,
    /// Where pictures and captions come from.
    pub data: Data,
    /// The first stage.
    #[serde(default)]
    pub clip: Clip,
    /// The second stage.
    #[serde(default)]
    pub gan: TrainConfig,
    /// The third stage.
    #[serde(default)]
    pub mapper: MapperTrainConfig,
    /// What the bundle does where its user says nothing.
    #[serde(default)]
    pub defaults: Defaults,
}

/// The first stage.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Clip {
    /// How many captions the tokenizer learns from.
    pub captions: usize,
    /// Sizes of the model.
    pub model: ClipConfig,
    /// How it is trained.
    pub train: train::TrainConfig,
}

impl Default for Clip {
    fn default() -> Self {
        Self {
            captions: 50_000,
            model: ClipConfig::avatars(),
            train: train::TrainConfig::default(),
        }
    }
}

/// Where pictures and captions come from.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "source", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Data {
    /// Drawn people; as many as these, and over again.
    Avatars {
        /// How many different pictures.
        pictures: usize,
    },
    /// A folder of PNG, JPEG or WebP pictures, with captions where a stage needs them.
    Folder {
        /// From the settings file's own folder.
        path: PathBuf,
    },
}

impl RunConfig {
    /// Reads a settings file. The one seed, of the file or `seed`, becomes that of every stage; a stage may repeat it, as
    /// a resolved file does.
    pub fn read(path: &Path, seed: Option<u64>) -> Outcome<Self> {
        let text = std::fs::read_to_string(path).map_err(at(path))?;
        let wrong = |error: toml::de::Error| {
            Failure::failed(format!(
                "{}: {}",
                path.display(),
                error.to_string().trim_end()
            ))
            .expected("a run's settings in TOML")
            .hint("compare it with xtask/presets/smoke.toml")
        };
        let table: toml::Table = toml::from_str(&text).map_err(wrong)?;
        let section = |name: &str| table.get(name)?.get("seed");
        let clip = table
            .get("clip")
            .and_then(|clip| clip.get("train")?.get("seed"));
        let of_file = table.get("seed").and_then(toml::Value::as_integer);
        for (name, seed) in [
            ("clip.train", clip),
            ("gan", section("gan")),
            ("mapper", section("mapper")),
        ] {
            if seed.is_some_and(|seed| seed.as_integer() != Some(of_file.unwrap_or(0))) {
                return Err(Failure::failed(format!("{}: {name}.seed", path.display()))
                    .expected("one seed for all stages, before the first section")
                    .hint("seed = 1 at the top of the file"));
            }
        }
        let mut config: Self = toml::from_str(&text).map_err(wrong)?;
        config.seed = seed.unwrap_or(config.seed);
        config.clip.train.seed = config.seed;
        config.gan.seed = config.seed;
        config.mapper.seed = config.seed;
        if let Data::Folder { path: folder } = &mut config.data {
            *folder = path.parent().unwrap_or(Path::new("")).join(&folder);
        }
        Ok(config)
    }

    /// Whether the generator learns along with the mapper.
    pub fn tunes_generator(&self) -> bool {
        let adversary = self.mapper.adversary.as_ref();
        adversary.is_some_and(AdversaryConfig::tunes_generator)
    }

    /// Checks every stage's settings, before the first of them costs any time.
    pub fn validate(&self) -> Outcome {
        self.clip.model.validate()?;
        self.clip.train.validate()?;
        self.gan.validate()?;
        self.mapper.validate()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_makes_sense_and_has_one_seed() {
        let presets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/presets");
        for name in ["smoke", "avatars"] {
            let config = RunConfig::read(&presets.join(format!("{name}.toml")), Some(5)).unwrap();
            assert_eq!(config.name, name);
            config.validate().unwrap();
            let seeds = [config.clip.train.seed, config.gan.seed, config.mapper.seed];
            assert_eq!(seeds, [5; 3]);
        }
    }
}
