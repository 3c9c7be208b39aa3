//! Models of OpenCLIP: OpenAI's names of arrays, and `open_clip_config.json`.

use serde::Deserialize;

use crate::{
    Activation, ClipConfig, Error, Layers, OPENAI_MEAN, OPENAI_STD, TextConfig, VisionConfig,
};

/// Name of the sizes in a model's folder.
pub(super) const CONFIG_FILE: &str = "open_clip_config.json";
/// Names of the weights there, in the order in which they are preferred.
pub(super) const WEIGHTS_FILES: [&str; 4] = [
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
    "open_clip_pytorch_model.pt",
];

/// `open_clip_config.json`.
#[derive(Deserialize)]
pub(super) struct Config {
    model_cfg: Model,
    #[serde(default)]
    preprocess_cfg: Preprocess,
}

#[derive(Deserialize)]
struct Model {
    embed_dim: usize,
    vision_cfg: Vision,
    text_cfg: Text,
    #[serde(default)]
    quick_gelu: bool,
}

/// Sizes of the image tower; other towers than CLIP's transformer have fields that these do not have room for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vision {
    image_size: usize,
    layers: Layers,
    width: usize,
    #[serde(default)]
    patch_size: Option<usize>,
    #[serde(default = "head_width")]
    head_width: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    context_length: usize,
    vocab_size: usize,
    width: usize,
    heads: usize,
    layers: usize,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Preprocess {
    mean: Option<[f32; 3]>,
    std: Option<[f32; 3]>,
}

fn head_width() -> usize {
    64
}

impl Config {
    /// The same sizes as we write them.
    ///
    /// # Errors
    /// [`Error::Config`] if they do not go together.
    pub fn sizes(&self) -> Result<ClipConfig, Error> {
        let Model {
            embed_dim,
            vision_cfg: vision,
            text_cfg: text,
            quick_gelu,
        } = &self.model_cfg;
        if vision.head_width == 0 {
            return Err(Error::Config {
                field: "vision_cfg.head_width",
                expected: "at least 1".into(),
                found: "0".into(),
            });
        }
        let config = ClipConfig {
            embed_dim: *embed_dim,
            vision: VisionConfig {
                image_size: vision.image_size,
                // A residual network halves its pictures five times.
                patch_size: vision.patch_size.unwrap_or(32),
                width: vision.width,
                layers: vision.layers,
                heads: match vision.layers {
                    Layers::Transformer(_) => vision.width / vision.head_width,
                    Layers::ResNet(_) => vision.width * 32 / vision.head_width,
                },
            },
            text: TextConfig {
                context_length: text.context_length,
                vocab_size: text.vocab_size,
                width: text.width,
                layers: text.layers,
                heads: text.heads,
            },
            activation: match quick_gelu {
                true => Activation::QuickGelu,
                false => Activation::Gelu,
            },
            mean: self.preprocess_cfg.mean.unwrap_or(OPENAI_MEAN),
            std: self.preprocess_cfg.std.unwrap_or(OPENAI_STD),
        };
        config.validate()?;
        Ok(config)
    }
}
