//! A mapper's folder: `config.json` and `model.safetensors`.

use std::fs;
use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use clip2gan_train::params;
use clip2gan_weights::{Dtype, Metadata, read_safetensors, write_atomic, write_safetensors};

use crate::{Error, Mapper, MapperConfig};

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";

impl Mapper {
    /// Reads the folder that [`save`](Self::save) wrote. Half-precision weights are widened.
    pub fn load(dir: impl AsRef<Path>, device: &Device) -> Result<Self, Error> {
        let path = dir.as_ref().join(CONFIG);
        let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        let config: MapperConfig =
            serde_json::from_str(&text).map_err(|source| Error::Config { path, source })?;
        config.validate()?;
        let path = dir.as_ref().join(WEIGHTS);
        let (arrays, _) = read_safetensors(&path)?;
        params::load(Mapper::new(config, None, device), arrays)
            .map_err(|source| Error::Parameters { path, source })
    }

    /// Writes the mapper into a folder, which is made where it is missing; weights as `dtype`.
    pub fn save(&self, dir: impl AsRef<Path>, dtype: Dtype) -> Result<(), Error> {
        let dir = dir.as_ref();
        fs::create_dir_all(dir).map_err(Error::io("make folder", dir))?;
        let path = dir.join(CONFIG);
        let mut text =
            serde_json::to_string_pretty(self.config()).map_err(|source| Error::Config {
                path: path.clone(),
                source,
            })?;
        text.push('\n');
        write_atomic(&path, text.as_bytes())?;
        let arrays = params::to_arrays(&self.valid());
        let arrays = arrays
            .iter()
            .map(|(key, array)| (key.clone(), array.cast(dtype)))
            .collect();
        write_safetensors(dir.join(WEIGHTS), &arrays, &Metadata::default())?;
        Ok(())
    }
}
