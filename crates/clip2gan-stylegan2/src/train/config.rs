//! Everything that decides how a run goes.

use serde::{Deserialize, Serialize};

use crate::error::check;
use crate::train::{AdaConfig, PathLengthConfig};
use crate::{Architecture, DiscriminatorConfig, GeneratorConfig, Result, SynthesisKind};

/// Configuration of a run. Together with the real images it determines every byte of the result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Source of all randomness.
    pub seed: u64,
    /// Side of the images in pixels: a power of two from 4.
    pub resolution: usize,
    /// Colour channels.
    pub img_channels: usize,
    /// Both networks have `min(channel_base / r, channel_max)` channels at resolution `r`.
    pub channel_base: usize,
    /// The most channels of any block.
    pub channel_max: usize,
    /// Length of `z`.
    pub z_dim: usize,
    /// Length of `w`.
    pub w_dim: usize,
    /// Layers of the mapping network.
    pub mapping_layers: usize,
    /// Length of a class label, the number of classes for one-hot ones; 0: unconditional. Labels come with the real images.
    #[serde(skip_serializing_if = "is_zero")]
    pub c_dim: usize,
    /// Images per step; a multiple of `mbstd_group_size`.
    pub batch: usize,
    /// Images that the minibatch standard deviation compares.
    pub mbstd_group_size: usize,
    /// Real images to train on in all.
    pub total_images: u64,
    /// Learning rate of both networks.
    pub learning_rate: f64,
    /// γ of R1.
    pub r1_gamma: f32,
    /// R1 is computed every so many steps (lazy regularisation, StyleGAN2 section 3.1).
    pub r1_interval: u64,
    /// Probability that a batch mixes two styles.
    pub style_mixing: f32,
    /// Thousands of images after which the generator's running average has forgotten half.
    pub ema_kimg: f64,
    /// The half-life is at most this fraction of the images seen so far.
    pub ema_rampup: f64,
    /// Decay per step of the running mean of `w`.
    pub w_avg_beta: f32,
    /// Whether the generator's layers add noise in training. Flat drawings have no random detail to make of it.
    #[serde(skip_serializing_if = "is_true")]
    pub noise: bool,
    /// Whether real images are mirrored at random.
    pub mirror: bool,
    /// A sample grid is drawn every so many images; 0: never.
    pub samples_every: u64,
    /// Pictures per side of the sample grid.
    pub grid: usize,
    /// Seconds between checkpoints.
    pub checkpoint_seconds: u64,
    /// Which synthesis network the generator has.
    #[serde(skip_serializing_if = "SynthesisKind::is_default")]
    pub synthesis: SynthesisKind,
    /// How the generator's blocks are joined.
    #[serde(skip_serializing_if = "Architecture::is_skip")]
    pub generator_architecture: Architecture,
    /// How the discriminator's blocks are joined.
    #[serde(skip_serializing_if = "Architecture::is_resnet")]
    pub discriminator_architecture: Architecture,
    /// Path length regularisation; off by default.
    #[serde(skip_serializing_if = "PathLengthConfig::is_default")]
    pub path_length: PathLengthConfig,
    /// Adaptive augmentation, for small data sets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ada: Option<AdaConfig>,
    /// The batch is worked through in so many equal parts, whose gradients are summed: less memory, the same step but for
    /// the minibatch standard deviation, which compares images of one part.
    #[serde(skip_serializing_if = "is_one")]
    pub accumulate: usize,
    /// A snapshot of the averaged generator is kept every so many images; 0: never.
    #[serde(skip_serializing_if = "is_zero")]
    pub snapshots_every: u64,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            resolution: 64,
            img_channels: 3,
            channel_base: 2048,
            channel_max: 128,
            z_dim: 128,
            w_dim: 128,
            mapping_layers: 4,
            c_dim: 0,
            batch: 16,
            mbstd_group_size: 4,
            total_images: 500_000,
            learning_rate: 0.0025,
            r1_gamma: 0.5,
            r1_interval: 16,
            style_mixing: 0.9,
            ema_kimg: 5.0,
            ema_rampup: 0.05,
            w_avg_beta: 0.995,
            noise: true,
            mirror: false,
            samples_every: 4000,
            grid: 8,
            checkpoint_seconds: 240,
            synthesis: SynthesisKind::default(),
            generator_architecture: Architecture::Skip,
            discriminator_architecture: Architecture::Resnet,
            path_length: PathLengthConfig::default(),
            ada: None,
            accumulate: 1,
            snapshots_every: 0,
        }
    }
}

impl TrainConfig {
    /// Sizes of the generator.
    pub fn generator(&self) -> GeneratorConfig {
        GeneratorConfig {
            z_dim: self.z_dim,
            w_dim: self.w_dim,
            resolution: self.resolution,
            img_channels: self.img_channels,
            channel_base: self.channel_base,
            channel_max: self.channel_max,
            mapping_layers: self.mapping_layers,
            c_dim: self.c_dim,
            synthesis: self.synthesis,
            architecture: self.generator_architecture,
            ..GeneratorConfig::default()
        }
    }

    /// Sizes of the discriminator. It maps labels through eight layers, as the reference's, whatever the generator does.
    pub fn discriminator(&self) -> DiscriminatorConfig {
        DiscriminatorConfig {
            resolution: self.resolution,
            img_channels: self.img_channels,
            channel_base: self.channel_base,
            channel_max: self.channel_max,
            mbstd_group_size: self.mbstd_group_size,
            mbstd_num_channels: 1,
            c_dim: self.c_dim,
            architecture: self.discriminator_architecture,
            ..DiscriminatorConfig::default()
        }
    }

    /// Images that are worked through at once.
    pub fn part(&self) -> usize {
        self.batch / self.accumulate
    }

    /// Steps of the whole run.
    pub fn total_steps(&self) -> u64 {
        self.total_images.div_ceil(self.batch as u64)
    }

    /// Decay of the generator's running average in the step that follows `images` images.
    pub fn ema_beta(&self, images: u64) -> f64 {
        let half_life = (self.ema_kimg * 1000.0).min(images as f64 * self.ema_rampup);
        0.5_f64.powf(self.batch as f64 / half_life.max(1e-8))
    }

    /// Checks that a run can be made of this.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) naming the field.
    pub fn validate(&self) -> Result<()> {
        self.generator().validate()?;
        self.discriminator().validate()?;
        self.path_length.validate()?;
        if let Some(ada) = &self.ada {
            ada.validate(self.img_channels)?;
        }
        check(
            self.accumulate > 0
                && self.batch >= self.accumulate
                && self.batch.is_multiple_of(self.accumulate),
            "accumulate",
            "a divisor of batch",
            self.accumulate,
        )?;
        let part = self.part();
        check(
            part.is_multiple_of(self.mbstd_group_size.min(part)),
            "batch",
            "a multiple of accumulate · mbstd_group_size",
            self.batch,
        )?;
        check(
            self.r1_interval > 0,
            "r1_interval",
            "at least 1",
            self.r1_interval,
        )?;
        check(
            self.r1_gamma >= 0.0,
            "r1_gamma",
            "at least 0",
            self.r1_gamma,
        )?;
        check(
            self.learning_rate > 0.0,
            "learning_rate",
            "above 0",
            self.learning_rate,
        )?;
        check(
            (0.0..=1.0).contains(&self.style_mixing),
            "style_mixing",
            "in 0..=1",
            self.style_mixing,
        )?;
        check(
            (0.0..=1.0).contains(&self.w_avg_beta),
            "w_avg_beta",
            "in 0..=1",
            self.w_avg_beta,
        )?;
        check(
            self.ema_kimg >= 0.0,
            "ema_kimg",
            "at least 0",
            self.ema_kimg,
        )?;
        check(
            self.ema_rampup > 0.0,
            "ema_rampup",
            "above 0",
            self.ema_rampup,
        )?;
        check(
            (1..=64).contains(&self.grid),
            "grid",
            "from 1 to 64",
            self.grid,
        )
    }
}

// Settings left at what they were before they could be set are not written, so that files without them stay as they are.

fn is_one(value: &usize) -> bool {
    *value == 1
}

fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn is_true(value: &bool) -> bool {
    *value
}
