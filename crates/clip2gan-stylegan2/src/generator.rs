//! Generator: mapping and synthesis together, with truncation, loading and saving.

use std::fs;
use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use clip2gan_train::params;
use clip2gan_weights::{Dtype, Metadata, read_safetensors, write_safetensors};

use crate::init::Init;
use crate::{Error, GeneratorConfig, Mapping, NoiseMode, Result, Synthesis};

/// Name of the sizes in a generator's directory.
pub const CONFIG_FILE: &str = "config.json";
/// Name of the weights in a generator's directory.
pub const WEIGHTS_FILE: &str = "model.safetensors";

/// The generator `z → w → image`.
#[derive(Module, Debug)]
pub struct Generator {
    /// `z → w`.
    pub mapping: Mapping,
    /// `ws → image`.
    pub synthesis: Synthesis,
}

impl Generator {
    pub(crate) fn new(config: &GeneratorConfig, init: &mut Init) -> Self {
        Self {
            mapping: Mapping::new(config, init),
            synthesis: Synthesis::new(config, init),
        }
    }

    /// Number of latents that the synthesis network takes.
    pub fn num_ws(&self) -> usize {
        self.synthesis.num_ws()
    }

    /// The same `w [n, w_dim]` for every layer: `[n, num_ws, w_dim]`.
    pub fn broadcast(&self, w: Tensor<2>) -> Tensor<3> {
        w.unsqueeze_dim::<3>(1).repeat_dim(1, self.num_ws())
    }

    /// Truncation trick (StyleGAN, appendix B): `lerp(w_avg, w, psi)` on the first `cutoff` latents of
    /// `ws [n, num_ws, w_dim]`, or on all of them. `psi` 1 changes nothing, 0 gives the mean image.
    pub fn truncate(&self, ws: Tensor<3>, psi: f32, cutoff: Option<usize>) -> Tensor<3> {
        if psi == 1.0 {
            return ws;
        }
        let num_ws = ws.dims()[1];
        let cutoff = cutoff.unwrap_or(num_ws).min(num_ws);
        if cutoff == 0 {
            return ws;
        }
        let w_avg: Tensor<3> = self.mapping.w_avg.val().unsqueeze();
        let truncated = ws.clone().narrow(1, 0, cutoff) * psi + w_avg * (1.0 - psi);
        if cutoff == num_ws {
            return truncated;
        }
        Tensor::cat(vec![truncated, ws.narrow(1, cutoff, num_ws - cutoff)], 1)
    }

    /// `z [n, z_dim] → image [n, channels, r, r]` with truncation `psi` on all layers.
    ///
    /// # Panics
    /// If the generator is conditional: see [`forward_labelled`](Self::forward_labelled).
    pub fn forward(&self, z: Tensor<2>, psi: f32, noise: NoiseMode) -> Tensor<4> {
        let ws = self.broadcast(self.mapping.forward(z));
        self.synthesis.forward(self.truncate(ws, psi, None), noise)
    }

    /// [`forward`](Self::forward) with `labels [n, c_dim]` (one-hot), for a conditional generator.
    pub fn forward_labelled(
        &self,
        z: Tensor<2>,
        labels: Tensor<2>,
        psi: f32,
        noise: NoiseMode,
    ) -> Tensor<4> {
        let ws = self.broadcast(self.mapping.forward_labelled(z, labels));
        self.synthesis.forward(self.truncate(ws, psi, None), noise)
    }

    /// Loads a generator, with its sizes, from the directory that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// If a file is missing or broken, or if the weights are not those of the sizes: which is found out before the network
    /// takes any memory.
    pub fn load(dir: impl AsRef<Path>, device: &Device) -> Result<(Self, GeneratorConfig)> {
        let path = dir.as_ref().join(CONFIG_FILE);
        let text = fs::read_to_string(&path).map_err(|source| Error::Io {
            path: path.clone(),
            source,
        })?;
        let config: GeneratorConfig =
            serde_json::from_str(&text).map_err(|source| Error::Json { path, source })?;
        config.validate()?;
        let (arrays, _) = read_safetensors(dir.as_ref().join(WEIGHTS_FILE))?;
        let generator = params::load(config.announce(device), &arrays)?;
        Ok((generator, config))
    }

    /// Saves the generator and its sizes to a directory, as `f32` or, at half the size, as [`Dtype::F16`].
    ///
    /// # Errors
    /// If the directory cannot be written.
    pub fn save(
        &self,
        config: &GeneratorConfig,
        dir: impl AsRef<Path>,
        dtype: Dtype,
    ) -> Result<()> {
        let dir = dir.as_ref();
        fs::create_dir_all(dir).map_err(|source| Error::Io {
            path: dir.into(),
            source,
        })?;
        let path = dir.join(CONFIG_FILE);
        let text = serde_json::to_string_pretty(config).map_err(|source| Error::Json {
            path: path.clone(),
            source,
        })?;
        fs::write(&path, text + "\n").map_err(|source| Error::Io { path, source })?;
        let arrays = params::to_arrays(&self.valid());
        let arrays = arrays
            .iter()
            .map(|(key, array)| (key.clone(), array.cast(dtype)))
            .collect();
        write_safetensors(dir.join(WEIGHTS_FILE), &arrays, &Metadata::default())?;
        Ok(())
    }
}
