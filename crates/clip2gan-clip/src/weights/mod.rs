//! A model as a folder: `config.json`, `model.safetensors` with the keys of OpenAI's state dictionary, and the tokenizer's
//! files. Folders of Hugging Face's and OpenCLIP's models, and OpenAI's checkpoints, are read as well.

mod hugging_face;
mod open_clip;
mod openai;

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use clip2gan_train::params;
use clip2gan_weights::{Arrays, Dtype, read_checkpoint, write_atomic, write_safetensors};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::layers::Init;
use crate::{Clip, ClipConfig, Error, Tokenizer};

/// The one key whose shape differs: a scalar in files, `[1]` here, because a tensor has at least one axis.
const LOGIT_SCALE: &str = "logit_scale";
/// Tokens of OpenAI's vocabulary.
const OPENAI_TOKENS: usize = 49408;
/// Parts of a residual network's shortcut: ours have names, theirs stand at places of a sequence.
const DOWNSAMPLE: [(&str, &str); 2] = [
    (".downsample.conv.", ".downsample.0."),
    (".downsample.norm.", ".downsample.1."),
];
/// Names of the weights in a folder of ours, and of Hugging Face's older ones.
const WEIGHTS_FILES: [&str; 2] = ["model.safetensors", "pytorch_model.bin"];

impl Clip {
    /// Reads a model and its tokenizer from a folder: one that [`Clip::save`] wrote, one of Hugging Face's `CLIPModel`, or
    /// one of OpenCLIP's with CLIP's own towers; or from a checkpoint of OpenAI's. Weights may be stored in any float
    /// type. Where there is no `tokenizer.json`, a model of OpenAI's vocabulary gets OpenAI's tokenizer.
    ///
    /// # Errors
    /// A missing or unreadable file; a configuration whose sizes don't go together; a tensor that is missing, left over
    /// or misshapen, by name and with both shapes.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<(Self, Tokenizer), Error> {
        let path = path.as_ref();
        let clip = Self::load_model(path, device)?;
        let own = path.join("tokenizer.json").is_file();
        let tokenizer = match clip.config().text.vocab_size {
            OPENAI_TOKENS if !own => Tokenizer::openai()?,
            _ => Tokenizer::load(path)?,
        };
        Ok((clip, tokenizer))
    }

    /// Reads a model alone. The sizes of a checkpoint of OpenAI's follow from its arrays.
    ///
    /// # Errors
    /// As [`Clip::load`].
    pub fn load_model(path: impl AsRef<Path>, device: &Device) -> Result<Self, Error> {
        let path = path.as_ref();
        if path.is_file() {
            let arrays = openai::arrays(read_checkpoint(path)?.arrays);
            return openai::sizes(&arrays)?.load_arrays(arrays, device);
        }
        let open_clip = path.join(open_clip::CONFIG_FILE);
        if open_clip.is_file() {
            let sizes = read_json::<open_clip::Config>(&open_clip)?.sizes()?;
            let weights = first_of(path, &open_clip::WEIGHTS_FILES);
            let arrays = openai::arrays(read_checkpoint(weights)?.arrays);
            return sizes.load_arrays(arrays, device);
        }
        let config = path.join("config.json");
        let json: Value = read_json(&config)?;
        if json.get("text_config").is_none() {
            let sizes = ClipConfig::load(&config)?;
            let weights = read_checkpoint(path.join(WEIGHTS_FILES[0]))?;
            return sizes.load_arrays(weights.arrays, device);
        }
        let mut sizes = read_json::<hugging_face::Config>(&config)?.sizes()?;
        let preprocessing = path.join("preprocessor_config.json");
        if preprocessing.is_file() {
            let json: Value = read_json(&preprocessing)?;
            for (field, key) in [
                (&mut sizes.mean, "image_mean"),
                (&mut sizes.std, "image_std"),
            ] {
                if let Some(values) = json.get(key) {
                    *field =
                        serde_json::from_value(values.clone()).map_err(|source| Error::Json {
                            path: preprocessing.clone(),
                            source,
                        })?;
                }
            }
        }
        let weights = first_of(path, &WEIGHTS_FILES);
        let arrays = hugging_face::arrays(read_checkpoint(weights)?.arrays)?;
        sizes.load_arrays(arrays, device)
    }

    /// Writes the model and its tokenizer into a folder, which is made if need be. `dtype` is the type of the stored
    /// weights: [`Dtype::F16`] halves the file and costs about three digits.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save(
        &self,
        dir: impl AsRef<Path>,
        tokenizer: &Tokenizer,
        dtype: Dtype,
    ) -> Result<(), Error> {
        let dir = dir.as_ref();
        std::fs::create_dir_all(dir).map_err(|source| Error::File {
            path: dir.to_owned(),
            source,
        })?;
        self.config().save(dir.join("config.json"))?;
        let arrays = self
            .to_arrays()
            .into_iter()
            .map(|(key, array)| (key, array.cast(dtype)));
        write_safetensors(
            dir.join("model.safetensors"),
            &arrays.collect(),
            &Default::default(),
        )?;
        tokenizer.save(dir)
    }

    /// Every parameter under its key in OpenAI's state dictionary.
    pub fn to_arrays(&self) -> Arrays {
        let mut arrays = params::to_arrays(self);
        if let Some(scale) = arrays.get_mut(LOGIT_SCALE) {
            scale.shape.clear();
        }
        let theirs = |key: String| {
            DOWNSAMPLE
                .iter()
                .fold(key, |key, (ours, theirs)| key.replace(ours, theirs))
        };
        arrays
            .into_iter()
            .map(|(key, array)| (theirs(key), array))
            .collect()
    }
}

impl ClipConfig {
    /// A model with these parameters, named as by [`Clip::to_arrays`].
    ///
    /// # Errors
    /// Sizes that don't go together; a tensor that is missing, left over or misshapen.
    pub fn load_arrays(&self, mut arrays: Arrays, device: &Device) -> Result<Clip, Error> {
        self.validate()?;
        if let Some(scale) = arrays.get_mut(LOGIT_SCALE)
            && scale.shape.is_empty()
        {
            scale.shape = vec![1];
        }
        let ours = |key: String| {
            DOWNSAMPLE
                .iter()
                .fold(key, |key, (ours, theirs)| key.replace(theirs, ours))
        };
        let arrays: Arrays = arrays
            .into_iter()
            .map(|(key, array)| (ours(key), array))
            .collect();
        let blank = self.build(&mut Init { rng: None, device });
        Ok(params::load(blank, arrays)?)
    }

    /// Reads a configuration from a JSON file and checks it.
    ///
    /// # Errors
    /// A file that is not there or not a configuration; sizes that don't go together.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let config: Self = read_json(path)?;
        config.validate()?;
        Ok(config)
    }

    /// Writes the configuration as JSON.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let mut text = serde_json::to_string_pretty(self).map_err(|source| Error::Json {
            path: path.to_owned(),
            source,
        })?;
        text.push('\n');
        Ok(write_atomic(path, text.as_bytes())?)
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })?;
    serde_json::from_str(&text).map_err(|source| Error::Json {
        path: path.to_owned(),
        source,
    })
}

/// The first of `names` that is in `folder`; the first of all if none is, for the error to name.
fn first_of(folder: &Path, names: &[&str]) -> PathBuf {
    let mut paths = names.iter().map(|name| folder.join(name));
    paths
        .find(|path| path.is_file())
        .unwrap_or_else(|| folder.join(names[0]))
}

fn key_error(key: impl Into<String>, expected: &str, found: &str) -> Error {
    Error::Key {
        key: key.into(),
        expected: expected.into(),
        found: found.into(),
    }
}
