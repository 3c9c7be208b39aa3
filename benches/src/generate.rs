//! Group `generate`: synthesis networks, from latents to images.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use clip2gan_stylegan2::generator::CONFIG_FILE;
use clip2gan_stylegan2::{Generator, GeneratorConfig, NoiseMode};
use clip2gan_train::{params, rng};
use clip2gan_weights::Arrays;

use crate::case::{Case, Scale, Task, Work};
use crate::conv::{array, values};
use crate::{Cost, Error, Result};

/// The repository's folder.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

fn shipped_folder() -> PathBuf {
    root().join("assets/generator")
}

/// The bundle's generator, a narrow one at 256 pixels and the paper's at 1024.
///
/// # Errors
/// If the sizes of the bundle's generator cannot be read.
pub fn cases(scale: Scale) -> Result<Vec<Case>> {
    let case = |name: String, batch, generator: &GeneratorConfig, shipped| Case {
        group: "generate",
        name,
        task: Task::Synthesis {
            batch,
            generator: generator.clone(),
            shipped,
        },
    };
    if scale == Scale::Tiny {
        let tiny = tiny();
        return Ok(vec![case("tiny 16 batch 2".into(), 2, &tiny, false)]);
    }
    let [avatars, narrow, full] = [
        shipped_config()?,
        GeneratorConfig::config_e(256),
        GeneratorConfig::config_f(1024),
    ];
    Ok(vec![
        case("avatars 64 batch 1".into(), 1, &avatars, true),
        case("avatars 64 batch 16".into(), 16, &avatars, true),
        case("256 batch 1".into(), 1, &narrow, false),
        case("256 batch 4".into(), 4, &narrow, false),
        case("1024 config-f batch 1".into(), 1, &full, false),
    ])
}

/// Sizes for tests.
pub(crate) fn tiny() -> GeneratorConfig {
    GeneratorConfig {
        z_dim: 8,
        w_dim: 8,
        channel_base: 128,
        channel_max: 16,
        mapping_layers: 2,
        ..GeneratorConfig::config_f(16)
    }
}

fn shipped_config() -> Result<GeneratorConfig> {
    let path = shipped_folder().join(CONFIG_FILE);
    let wrong = |source| Error::Io {
        path: path.clone(),
        source,
    };
    let text = std::fs::read_to_string(&path).map_err(wrong)?;
    serde_json::from_str(&text).map_err(|error| wrong(error.into()))
}

/// Convolutions and style products of a synthesis network with output skips.
pub fn synthesis_cost(batch: usize, config: &GeneratorConfig) -> Cost {
    let layer = |i, o, read: usize, written: usize| {
        // The style, and the demodulation from its squares.
        let style = Cost::linear(batch, config.w_dim, i) + Cost::linear(batch, i, o);
        style + Cost::conv([batch, i, o], 3, [read, written])
    };
    let block = |resolution: usize| {
        let (map, o) = (resolution * resolution, config.channels(resolution));
        let i = config.channels(resolution / 2);
        let first = match resolution {
            4 => Cost::default(),
            _ => layer(i, o, map / 4, map),
        };
        let rgb = Cost::linear(batch, config.w_dim, o)
            + Cost::conv([batch, o, config.img_channels], 1, [map, map]);
        first + layer(o, o, map, map) + rgb
    };
    config.block_resolutions().into_iter().map(block).sum()
}

/// A generator with the latents of its images.
pub struct Synthesis {
    generator: Generator,
    ws: Tensor<3>,
}

impl Synthesis {
    /// Loads or draws the generator; draws the latents.
    ///
    /// # Errors
    /// If the bundle's generator cannot be read.
    pub fn new(batch: usize, config: &GeneratorConfig, shipped: bool) -> Result<Self> {
        let device = Device::flex();
        let generator = match shipped {
            true => Generator::load(shipped_folder(), &device)?.0,
            false => config.init(&device),
        };
        let mut rng = rng::stream(0, "bench.generate", 0);
        let z = rng::randn([batch, config.z_dim], &mut rng, &device);
        let ws = generator.broadcast(generator.mapping.forward(z));
        Ok(Self { generator, ws })
    }

    fn compute(&self) -> Tensor<4> {
        let synthesis = &self.generator.synthesis;
        synthesis.forward(self.ws.clone(), NoiseMode::Const)
    }
}

impl Work for Synthesis {
    fn run(&mut self) -> Result<()> {
        drop(self.compute());
        Ok(())
    }

    fn result(&mut self) -> Result<Option<Vec<f32>>> {
        Ok(Some(values(self.compute())))
    }

    fn arrays(&self) -> Arrays {
        let mut arrays = params::to_arrays(&self.generator.synthesis);
        arrays.insert("ws".into(), array(self.ws.clone()));
        arrays
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_network_by_hand() {
        let config = GeneratorConfig {
            w_dim: 2,
            channel_base: 64,
            channel_max: 8,
            ..GeneratorConfig::config_f(8)
        };
        // At 4: style 2·8, demodulation 8·8, convolution 8·8·9·16, colours 2·8 + 8·3·16. At 8 there are two layers, the
        // first of which multiplies at 4.
        let four = 16 + 64 + 9216 + 16 + 384;
        let eight = 2 * (16 + 64) + 9216 + 4 * 9216 + 16 + 4 * 384;
        assert_eq!(
            synthesis_cost(1, &config).flops,
            2.0 * (four + eight) as f64
        );
    }
}
