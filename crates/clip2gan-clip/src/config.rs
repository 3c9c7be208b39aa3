//! Sizes of the two towers, as data.
//!
//! The presets are the rows of table 20 of Radford et al., "Learning Transferable Visual Models From Natural Language
//! Supervision" (2021), and one small model of our own.

use serde::{Deserialize, Serialize};

use crate::Error;

/// The pointwise non-linearity of the feed-forward layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `x · σ(1.702 x)`, what OpenAI's weights were trained with.
    QuickGelu,
    /// The exact GELU, `x · Φ(x)`.
    Gelu,
}

/// The depth of an image encoder, and with it its kind; in files a number or four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Layers {
    /// A vision transformer of so many blocks.
    Transformer(usize),
    /// A residual network of so many blocks in each stage.
    ResNet([usize; 4]),
}

/// Sizes of the image encoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VisionConfig {
    /// Height and width of the pictures it takes, in pixels.
    pub image_size: usize,
    /// Height and width of a patch, in pixels; divides `image_size`. A residual network's is 32: it halves five times.
    pub patch_size: usize,
    /// Channels of a transformer's residual stream, or of the first stage of a residual network before its expansion.
    pub width: usize,
    /// Number of blocks.
    pub layers: Layers,
    /// Attention heads; divides `width` of a transformer, 32 times `width` of a residual network.
    pub heads: usize,
}

impl VisionConfig {
    /// Patches in a row of the picture.
    pub fn grid(&self) -> usize {
        self.image_size / self.patch_size
    }
}

/// Sizes of the text transformer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextConfig {
    /// Longest text in tokens, start and end tokens counted.
    pub context_length: usize,
    /// Number of tokens.
    pub vocab_size: usize,
    /// Channels of the residual stream.
    pub width: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Attention heads; divides `width`.
    pub heads: usize,
}

/// Sizes of a CLIP, and how its pixels are normalised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClipConfig {
    /// Channels of the joint embedding space.
    pub embed_dim: usize,
    /// The image encoder.
    pub vision: VisionConfig,
    /// The text encoder.
    pub text: TextConfig,
    /// The non-linearity of both.
    pub activation: Activation,
    /// Mean of each colour channel, for pixels in 0..1.
    pub mean: [f32; 3],
    /// Standard deviation of each colour channel, for pixels in 0..1.
    pub std: [f32; 3],
}

/// OpenAI's channel means, of pixels in 0..1.
pub const OPENAI_MEAN: [f32; 3] = [0.48145466, 0.4578275, 0.40821073];
/// OpenAI's channel standard deviations, of pixels in 0..1.
pub const OPENAI_STD: [f32; 3] = [0.26862954, 0.261_302_6, 0.275_777_1];

impl ClipConfig {
    /// ViT-B/32: 224-px pictures, 151 million parameters.
    pub fn vit_b_32() -> Self {
        Self::openai(512, [224, 32, 768, 12], [512, 12])
    }

    /// ViT-B/16: 224-px pictures in finer patches.
    pub fn vit_b_16() -> Self {
        Self::openai(512, [224, 16, 768, 12], [512, 12])
    }

    /// ViT-L/14: 224-px pictures.
    pub fn vit_l_14() -> Self {
        Self::openai(768, [224, 14, 1024, 24], [768, 12])
    }

    /// ViT-L/14@336: 336-px pictures.
    pub fn vit_l_14_336() -> Self {
        Self::openai(768, [336, 14, 1024, 24], [768, 12])
    }

    /// RN50: 224-px pictures, a residual network.
    pub fn rn50() -> Self {
        Self::residual(1024, [224, 64], [3, 4, 6, 3], 512)
    }

    /// RN101: the same, twice as deep.
    pub fn rn101() -> Self {
        Self::residual(512, [224, 64], [3, 4, 23, 3], 512)
    }

    /// RN50x4: 288-px pictures, about four times the work of RN50.
    pub fn rn50x4() -> Self {
        Self::residual(640, [288, 80], [4, 6, 10, 6], 640)
    }

    /// The small model of the default bundle: 64-px drawings and short captions, about 30 MFLOP a picture and 20 a
    /// sentence, so that two processor cores can train it. The vocabulary may be set to what its tokenizer has.
    pub fn avatars() -> Self {
        Self {
            vision: VisionConfig {
                image_size: 64,
                patch_size: 16,
                width: 128,
                layers: Layers::Transformer(4),
                heads: 4,
            },
            text: TextConfig {
                context_length: 48,
                vocab_size: 2048,
                width: 128,
                layers: 3,
                heads: 4,
            },
            ..Self::openai(128, [64, 16, 128, 4], [128, 3])
        }
    }

    /// A model of OpenAI's kind: heads are 64 wide, 77 tokens of context, the 49408-token vocabulary.
    fn openai(embed_dim: usize, vision: [usize; 4], text: [usize; 2]) -> Self {
        let [image_size, patch_size, width, layers] = vision;
        Self {
            embed_dim,
            vision: VisionConfig {
                image_size,
                patch_size,
                width,
                layers: Layers::Transformer(layers),
                heads: width / 64,
            },
            text: TextConfig {
                context_length: 77,
                vocab_size: 49408,
                width: text[0],
                layers: text[1],
                heads: text[0] / 64,
            },
            activation: Activation::QuickGelu,
            mean: OPENAI_MEAN,
            std: OPENAI_STD,
        }
    }

    /// A residual network of OpenAI's kind, with a text tower of 12 layers.
    fn residual(
        embed_dim: usize,
        [image_size, width]: [usize; 2],
        blocks: [usize; 4],
        text_width: usize,
    ) -> Self {
        let sizes = Self::openai(embed_dim, [image_size, 32, width, 0], [text_width, 12]);
        Self {
            vision: VisionConfig {
                layers: Layers::ResNet(blocks),
                heads: width * 32 / 64,
                ..sizes.vision
            },
            ..sizes
        }
    }

    /// Checks that the sizes go together; [`ClipConfig::init`] relies on it.
    ///
    /// # Errors
    /// [`Error::Config`] names the first field that doesn't fit.
    pub fn validate(&self) -> Result<(), Error> {
        let positive = [
            ("embed_dim", self.embed_dim),
            ("vision.image_size", self.vision.image_size),
            ("vision.patch_size", self.vision.patch_size),
            ("vision.width", self.vision.width),
            ("vision.heads", self.vision.heads),
            ("text.width", self.text.width),
            ("text.layers", self.text.layers),
            ("text.heads", self.text.heads),
        ];
        for (field, value) in positive {
            at_least(field, value, 1)?;
        }
        at_least("text.context_length", self.text.context_length, 3)?;
        at_least("text.vocab_size", self.text.vocab_size, 3)?;
        divides(
            "vision.patch_size",
            self.vision.patch_size,
            "vision.image_size",
            self.vision.image_size,
        )?;
        match self.vision.layers {
            Layers::Transformer(layers) => {
                at_least("vision.layers", layers, 1)?;
                divides(
                    "vision.heads",
                    self.vision.heads,
                    "vision.width",
                    self.vision.width,
                )?;
            }
            Layers::ResNet(blocks) => {
                for count in blocks {
                    at_least("vision.layers", count, 1)?;
                }
                let VisionConfig {
                    patch_size, width, ..
                } = self.vision;
                for (field, fits, expected, found) in [
                    ("vision.patch_size", patch_size == 32, "32", patch_size),
                    ("vision.width", width.is_multiple_of(2), "even", width),
                ] {
                    if !fits {
                        return Err(Error::Config {
                            field,
                            expected: format!("{expected} in a residual network"),
                            found: found.to_string(),
                        });
                    }
                }
                divides(
                    "vision.heads",
                    self.vision.heads,
                    "32 · vision.width",
                    32 * self.vision.width,
                )?;
            }
        }
        divides("text.heads", self.text.heads, "text.width", self.text.width)?;
        for std in self.std {
            if !(std > 0.0 && std.is_finite()) {
                return Err(Error::Config {
                    field: "std",
                    expected: "three positive numbers".into(),
                    found: format!("{:?}", self.std),
                });
            }
        }
        Ok(())
    }
}

fn at_least(field: &'static str, found: usize, least: usize) -> Result<(), Error> {
    if found >= least {
        return Ok(());
    }
    Err(Error::Config {
        field,
        expected: format!("at least {least}"),
        found: found.to_string(),
    })
}

fn divides(field: &'static str, found: usize, whole: &str, size: usize) -> Result<(), Error> {
    if size.is_multiple_of(found) {
        return Ok(());
    }
    Err(Error::Config {
        field,
        expected: format!("a divisor of {whole} = {size}"),
        found: found.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_valid() {
        for config in [
            ClipConfig::vit_b_32(),
            ClipConfig::vit_b_16(),
            ClipConfig::vit_l_14(),
            ClipConfig::vit_l_14_336(),
            ClipConfig::rn50(),
            ClipConfig::rn101(),
            ClipConfig::rn50x4(),
            ClipConfig::avatars(),
        ] {
            config.validate().unwrap();
            let json = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<ClipConfig>(&json).unwrap(), config);
        }
    }

    #[test]
    fn sizes_of_residual_networks_are_checked() {
        let mut config = ClipConfig::rn50();
        config.vision.width = 63;
        let message = config.validate().unwrap_err().to_string();
        assert!(
            message.contains("vision.width is 63, expected even"),
            "{message}"
        );
        config.vision.patch_size = 16;
        let message = config.validate().unwrap_err().to_string();
        assert!(
            message.contains("vision.patch_size is 16, expected 32"),
            "{message}"
        );
    }

    #[test]
    fn a_bad_size_is_named() {
        let mut config = ClipConfig::avatars();
        config.vision.patch_size = 7;
        let message = config.validate().unwrap_err().to_string();
        assert_eq!(
            message,
            "CLIP configuration: vision.patch_size is 7, expected a divisor of vision.image_size = 64"
        );
    }
}
