//! A model as a folder: `config.json`, `model.safetensors` with the keys of OpenAI's state dictionary, and the tokenizer's
//! files.

use std::path::Path;

use burn::tensor::Device;
use clip2gan_train::params;
use clip2gan_weights::{Arrays, Dtype, read_safetensors, write_atomic, write_safetensors};

use crate::layers::Init;
use crate::{Clip, ClipConfig, Error, Tokenizer};

/// The one key whose shape differs: a scalar in files, `[1]` here, because a tensor has at least one axis.
const LOGIT_SCALE: &str = "logit_scale";

impl Clip {
    /// Reads a model and its tokenizer from a folder that [`Clip::save`] wrote. Weights may be stored in any float type.
    ///
    /// # Errors
    /// A missing or unreadable file; a configuration whose sizes don't go together; a tensor that is missing, left over
    /// or misshapen, by name and with both shapes.
    pub fn load(dir: impl AsRef<Path>, device: &Device) -> Result<(Self, Tokenizer), Error> {
        let dir = dir.as_ref();
        let config = ClipConfig::load(dir.join("config.json"))?;
        let (arrays, _) = read_safetensors(dir.join("model.safetensors"))?;
        Ok((config.load_arrays(arrays, device)?, Tokenizer::load(dir)?))
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
        arrays
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
        let blank = self.build(&mut Init { rng: None, device });
        Ok(params::load(blank, arrays)?)
    }

    /// Reads a configuration from a JSON file and checks it.
    ///
    /// # Errors
    /// A file that is not there or not a configuration; sizes that don't go together.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|source| Error::File {
            path: path.to_owned(),
            source,
        })?;
        let config: Self = serde_json::from_str(&text).map_err(|source| Error::Json {
            path: path.to_owned(),
            source,
        })?;
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
