//! Group `train-step`: the generator's and discriminator's training at the avatars preset.
//!
//! A run is as many steps as there are between two of lazy R1, one of which has it: so the reported time of a step holds
//! its share of R1.

use burn::tensor::{Device, Tensor};
use clip2gan_stylegan2::DiscriminatorConfig;
use clip2gan_stylegan2::train::{TrainConfig, TrainState, step};
use clip2gan_train::{params, rng};
use clip2gan_weights::Arrays;
use serde::Deserialize;

use crate::case::{Case, Scale, Task, Work};
use crate::conv::array;
use crate::generate::{root, synthesis_cost, tiny};
use crate::{Cost, Error, Result};

/// The preset, or for tests something small.
///
/// # Errors
/// If the preset cannot be read.
pub fn cases(scale: Scale) -> Result<Vec<Case>> {
    let (name, config) = match scale {
        Scale::Full => ("avatars 64", preset()?),
        Scale::Tiny => {
            let tiny = tiny();
            let config = TrainConfig {
                resolution: tiny.resolution,
                channel_base: tiny.channel_base,
                channel_max: tiny.channel_max,
                z_dim: tiny.z_dim,
                w_dim: tiny.w_dim,
                mapping_layers: tiny.mapping_layers,
                batch: 4,
                noise: false,
                style_mixing: 0.0,
                ..TrainConfig::default()
            };
            ("tiny 16", config)
        }
    };
    Ok(vec![Case {
        group: "train-step",
        name: format!("{name} batch {}", config.batch),
        task: Task::TrainStep { config },
    }])
}

fn preset() -> Result<TrainConfig> {
    /// The one section that matters here.
    #[derive(Deserialize)]
    struct Preset {
        gan: TrainConfig,
    }
    let path = root().join("xtask/presets/avatars.toml");
    let text = std::fs::read_to_string(&path).map_err(|source| Error::Io {
        path: path.clone(),
        source,
    })?;
    let preset: Preset = toml::from_str(&text).map_err(|error| Error::Preset {
        path,
        reason: error.to_string(),
    })?;
    Ok(preset.gan)
}

/// One step with its share of R1. The passes through each network, where a forward pass, the gradient of inputs and that
/// of weights count one each:
///
/// | phase | generator | discriminator |
/// |---|---|---|
/// | generator | forward, both gradients | forward, gradient of inputs |
/// | discriminator | forward | twice (real and generated): forward, both gradients |
/// | R1, every k-th step | | forward, gradient of inputs, and both gradients of either |
pub fn cost(config: &TrainConfig) -> Cost {
    let generator = synthesis_cost(config.batch, &config.generator());
    let discriminator = discriminator_cost(config.batch, &config.discriminator());
    generator * 4.0 + discriminator * (8.0 + 6.0 / config.r1_interval as f64)
}

/// Convolutions and products of a residual discriminator.
pub fn discriminator_cost(batch: usize, config: &DiscriminatorConfig) -> Cost {
    let block = |resolution: usize| {
        let map = resolution * resolution;
        let (i, o) = (config.channels(resolution), config.channels(resolution / 2));
        Cost::conv([batch, i, i], 3, [map, map])
            + Cost::conv([batch, i, o], 3, [map, map / 4])
            + Cost::conv([batch, i, o], 1, [map / 4, map / 4])
    };
    let map = config.resolution * config.resolution;
    let from_rgb = [
        batch,
        config.img_channels,
        config.channels(config.resolution),
    ];
    let channels = config.channels(4);
    let blocks: Cost = config.block_resolutions().into_iter().map(block).sum();
    Cost::conv(from_rgb, 1, [map, map])
        + blocks
        + Cost::conv(
            [batch, channels + config.mbstd_num_channels, channels],
            3,
            [16, 16],
        )
        + Cost::linear(batch, 16 * channels, channels)
        + Cost::linear(batch, channels, 1)
}

/// A training state with a batch of images.
pub struct TrainStep {
    config: TrainConfig,
    state: TrainState,
    real: Tensor<4>,
}

impl TrainStep {
    /// Fresh networks; images are noise.
    pub fn new(config: &TrainConfig) -> Self {
        let device = Device::flex();
        let shape = [
            config.batch,
            config.img_channels,
            config.resolution,
            config.resolution,
        ];
        let real = rng::rand(shape, &mut rng::stream(0, "bench.train", 0), &device);
        Self {
            state: TrainState::new(config, &device),
            config: config.clone(),
            real: real * 2.0 - 1.0,
        }
    }
}

impl Work for TrainStep {
    fn run(&mut self) -> Result<()> {
        for _ in 0..self.config.r1_interval {
            self.state = step(self.state.clone(), self.real.clone(), &self.config)?.0;
        }
        Ok(())
    }

    /// Nothing that a twin could give: its latents are drawn by another generator of random numbers.
    fn result(&mut self) -> Result<Option<Vec<f32>>> {
        Ok(None)
    }

    fn arrays(&self) -> Arrays {
        let named = |prefix: &'static str, arrays: Arrays| {
            let key = move |key| format!("{prefix}.{key}");
            arrays
                .into_iter()
                .map(move |(name, array)| (key(name), array))
        };
        let generator = params::to_arrays(&self.state.generator);
        let discriminator = params::to_arrays(&self.state.discriminator);
        named("generator", generator)
            .chain(named("discriminator", discriminator))
            .chain([("real".to_owned(), array(self.real.clone()))])
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preset_is_read() {
        let config = preset().unwrap();
        assert_eq!([config.resolution, config.batch], [64, 16]);
    }

    #[test]
    fn the_smallest_discriminator_by_hand() {
        let config = DiscriminatorConfig {
            channel_base: 64,
            channel_max: 8,
            ..DiscriminatorConfig::config_f(8)
        };
        // Colours 3·8·64; block 8·8·9·64, 8·8·9·16 and 8·8·16; then (8+1)·8·9·16, 128·8 and 8.
        let count = 1536 + 36864 + 9216 + 1024 + 10368 + 1024 + 8;
        assert_eq!(discriminator_cost(1, &config).flops, 2.0 * count as f64);
    }
}
