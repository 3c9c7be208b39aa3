//! Sizes of the two networks, as data. Defaults are the paper's config-f.

use std::ops::RangeInclusive;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::error::check;
use crate::init::Init;
use crate::{Architecture, Discriminator, Generator, Result, SynthesisKind};

/// The longest that a vector or a block's features may be: far beyond any use, and far from an overflow.
const WIDEST: usize = 1 << 20;
/// The most layers of a mapping network.
const DEEPEST: usize = 256;

/// Sizes of a generator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GeneratorConfig {
    /// Length of the input latent `z`.
    pub z_dim: usize,
    /// Length of the intermediate latent `w`.
    pub w_dim: usize,
    /// Side of the image in pixels: a power of two from 4.
    pub resolution: usize,
    /// Colour channels of the image.
    pub img_channels: usize,
    /// A block of resolution `r` has `min(channel_base / r, channel_max)` channels.
    pub channel_base: usize,
    /// The most channels of any block.
    pub channel_max: usize,
    /// Fully connected layers of the mapping network.
    pub mapping_layers: usize,
    /// Length of a class label; 0: unconditional.
    #[serde(skip_serializing_if = "is_zero")]
    pub c_dim: usize,
    /// Which synthesis network it has.
    #[serde(skip_serializing_if = "SynthesisKind::is_default")]
    pub synthesis: SynthesisKind,
    /// How blocks are joined, in StyleGAN2's synthesis network.
    #[serde(skip_serializing_if = "Architecture::is_skip")]
    pub architecture: Architecture,
    /// Limit of what convolutions give (times their gain), for half precision: the reference takes 256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conv_clamp: Option<f32>,
}

impl Default for GeneratorConfig {
    fn default() -> Self {
        Self {
            z_dim: 512,
            w_dim: 512,
            resolution: 1024,
            img_channels: 3,
            channel_base: 32768,
            channel_max: 512,
            mapping_layers: 8,
            c_dim: 0,
            synthesis: SynthesisKind::default(),
            architecture: Architecture::Skip,
            conv_clamp: None,
        }
    }
}

impl GeneratorConfig {
    /// The paper's config-f at another resolution: the default widths.
    pub fn config_f(resolution: usize) -> Self {
        Self {
            resolution,
            ..Self::default()
        }
    }

    /// The paper's config-e: half as wide as config-f where that has fewer than `channel_max` channels.
    pub fn config_e(resolution: usize) -> Self {
        Self {
            channel_base: 16384,
            ..Self::config_f(resolution)
        }
    }

    /// Resolutions of the synthesis blocks: 4, 8, …, `resolution`.
    pub fn block_resolutions(&self) -> Vec<usize> {
        block_resolutions(self.resolution)
    }

    /// Channels of the block of resolution `resolution`.
    pub fn channels(&self, resolution: usize) -> usize {
        (self.channel_base / resolution).min(self.channel_max)
    }

    /// Number of latents that the synthesis network takes: `2·log2(resolution) − 2`.
    pub fn num_ws(&self) -> usize {
        2 * self.resolution.ilog2() as usize - 2
    }

    /// Checks that a network of these sizes can be built.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) naming the field.
    pub fn validate(&self) -> Result<()> {
        validate_blocks(self.resolution, self.channel_base, self.channel_max)?;
        within("img_channels", 1..=WIDEST, self.img_channels)?;
        validate_clamp(self.conv_clamp)?;
        if let (SynthesisKind::StyleGan1, Some(clamp)) = (self.synthesis, self.conv_clamp) {
            let expected = "left out in a network of StyleGAN's kind";
            check(false, "conv_clamp", expected, clamp)?;
        }
        within("z_dim", 1..=WIDEST, self.z_dim)?;
        within("w_dim", 1..=WIDEST, self.w_dim)?;
        within("c_dim", 0..=WIDEST, self.c_dim)?;
        within("mapping_layers", 1..=DEEPEST, self.mapping_layers)
    }

    /// A generator with fresh weights (drawn from seed 0).
    pub fn init(&self, device: &Device) -> Generator {
        self.init_seeded(device, 0)
    }

    /// A generator with fresh weights drawn from `seed`.
    pub fn init_seeded(&self, device: &Device, seed: u64) -> Generator {
        Generator::new(self, &mut Init::new(seed, "generator", device))
    }

    /// A generator all of whose parameters will be loaded; until then they take no memory.
    pub(crate) fn announce(&self, device: &Device) -> Generator {
        Generator::new(self, &mut Init::announced(device))
    }
}

/// Sizes of a discriminator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiscriminatorConfig {
    /// Side of the image in pixels: a power of two from 4.
    pub resolution: usize,
    /// Colour channels of the image.
    pub img_channels: usize,
    /// A block of resolution `r` has `min(channel_base / r, channel_max)` channels.
    pub channel_base: usize,
    /// The most channels of any block.
    pub channel_max: usize,
    /// Images that the minibatch standard deviation compares; the batch must be a multiple of it (or smaller).
    pub mbstd_group_size: usize,
    /// Feature maps that the minibatch standard deviation adds.
    pub mbstd_num_channels: usize,
    /// Length of a class label; 0: unconditional.
    #[serde(skip_serializing_if = "is_zero")]
    pub c_dim: usize,
    /// Fully connected layers of the mapping of labels, in conditional networks.
    #[serde(skip_serializing_if = "is_eight")]
    pub mapping_layers: usize,
    /// How blocks are joined.
    #[serde(skip_serializing_if = "Architecture::is_resnet")]
    pub architecture: Architecture,
    /// Limit of what convolutions give (times their gain), for half precision: the reference takes 256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conv_clamp: Option<f32>,
}

impl Default for DiscriminatorConfig {
    fn default() -> Self {
        Self {
            resolution: 1024,
            img_channels: 3,
            channel_base: 32768,
            channel_max: 512,
            mbstd_group_size: 4,
            mbstd_num_channels: 1,
            c_dim: 0,
            mapping_layers: 8,
            architecture: Architecture::Resnet,
            conv_clamp: None,
        }
    }
}

impl DiscriminatorConfig {
    /// The paper's config-f at another resolution: the default widths.
    pub fn config_f(resolution: usize) -> Self {
        Self {
            resolution,
            ..Self::default()
        }
    }

    /// The paper's config-e: half as wide as config-f where that has fewer than `channel_max` channels.
    pub fn config_e(resolution: usize) -> Self {
        Self {
            channel_base: 16384,
            ..Self::config_f(resolution)
        }
    }

    /// Resolutions of the blocks, falling: `resolution`, …, 8; none at 4.
    pub fn block_resolutions(&self) -> Vec<usize> {
        let mut resolutions = block_resolutions(self.resolution);
        resolutions.remove(0);
        resolutions.reverse();
        resolutions
    }

    /// Channels of the block of resolution `resolution`.
    pub fn channels(&self, resolution: usize) -> usize {
        (self.channel_base / resolution).min(self.channel_max)
    }

    /// Checks that a network of these sizes can be built.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) naming the field.
    pub fn validate(&self) -> Result<()> {
        validate_blocks(self.resolution, self.channel_base, self.channel_max)?;
        within("img_channels", 1..=WIDEST, self.img_channels)?;
        validate_clamp(self.conv_clamp)?;
        within("c_dim", 0..=WIDEST, self.c_dim)?;
        within("mapping_layers", 1..=DEEPEST, self.mapping_layers)?;
        within("mbstd_group_size", 1..=usize::MAX, self.mbstd_group_size)?;
        let (features, channels) = (self.mbstd_num_channels, self.channels(4));
        check(
            features > 0 && channels.is_multiple_of(features),
            "mbstd_num_channels",
            format!("a divisor of {channels}"),
            features,
        )
    }

    /// A discriminator with fresh weights (drawn from seed 0).
    pub fn init(&self, device: &Device) -> Discriminator {
        self.init_seeded(device, 0)
    }

    /// A discriminator with fresh weights drawn from `seed`.
    pub fn init_seeded(&self, device: &Device, seed: u64) -> Discriminator {
        Discriminator::new(self, &mut Init::new(seed, "discriminator", device))
    }

    /// A discriminator all of whose parameters will be loaded; until then they take no memory.
    pub(crate) fn announce(&self, device: &Device) -> Discriminator {
        Discriminator::new(self, &mut Init::announced(device))
    }
}

fn block_resolutions(resolution: usize) -> Vec<usize> {
    (2..=resolution.ilog2()).map(|log2| 1 << log2).collect()
}

fn validate_blocks(resolution: usize, channel_base: usize, channel_max: usize) -> Result<()> {
    check(
        resolution.is_power_of_two() && (4..=4096).contains(&resolution),
        "resolution",
        "a power of two from 4 to 4096",
        resolution,
    )?;
    within("channel_max", 1..=WIDEST, channel_max)?;
    check(
        channel_base >= resolution,
        "channel_base",
        format!("at least {resolution}, the resolution"),
        channel_base,
    )
}

fn validate_clamp(clamp: Option<f32>) -> Result<()> {
    let clamp = clamp.unwrap_or(1.0);
    check(
        clamp > 0.0 && clamp.is_finite(),
        "conv_clamp",
        "above 0 and finite",
        clamp,
    )
}

fn within(field: &str, range: RangeInclusive<usize>, found: usize) -> Result<()> {
    let expected = match *range.end() {
        usize::MAX => format!("at least {}", range.start()),
        most => format!("from {} to {most}", range.start()),
    };
    check(range.contains(&found), field, expected, found)
}

// Settings left at what they were before they could be set are not written, so that files without them stay as they are.

fn is_zero(value: &usize) -> bool {
    *value == 0
}

fn is_eight(value: &usize) -> bool {
    *value == 8
}
