//! Checkpoints of OpenAI's: TorchScript archives whose sizes follow from the shapes of their arrays.

use clip2gan_weights::Arrays;

use super::key_error;
use crate::{
    Activation, ClipConfig, Error, Layers, OPENAI_MEAN, OPENAI_STD, TextConfig, VisionConfig,
};

/// Numbers that the archives hold beside the parameters.
const NOT_PARAMETERS: [&str; 3] = ["input_resolution", "context_length", "vocab_size"];
/// Every head of OpenAI's models is so wide.
const HEAD_WIDTH: usize = 64;
/// A residual network's pictures are so many times as wide as its last maps.
const REDUCTION: usize = 32;

/// Leaves out what is no parameter.
pub(super) fn arrays(mut arrays: Arrays) -> Arrays {
    arrays.retain(|key, _| {
        let counter = key.ends_with(".num_batches_tracked");
        !counter && !NOT_PARAMETERS.contains(&key.as_str())
    });
    arrays
}

/// The sizes of both towers.
///
/// # Errors
/// [`Error::Key`] for an array that is missing or of a shape that no such model has.
pub(super) fn sizes(arrays: &Arrays) -> Result<ClipConfig, Error> {
    let shape = |key: &str| arrays.get(key).map(|array| array.shape.as_slice());
    let wrong = |key: &str, expected: &str| {
        let found = shape(key).map_or("no such array".into(), |it| format!("shape {it:?}"));
        key_error(key, expected, &found)
    };
    let blocks = |tower: &str, width: usize| {
        let key = |layer| format!("{tower}transformer.resblocks.{layer}.attn.in_proj_weight");
        let mut layers = 0;
        while let Some(found) = shape(&key(layers)) {
            if found != [3 * width, width] {
                return Err(wrong(
                    &key(layers),
                    &format!("shape [{}, {width}]", 3 * width),
                ));
            }
            layers += 1;
        }
        Ok(layers)
    };

    let grid = |positions: &str| match shape(positions) {
        Some(&[tokens, _]) if tokens > 1 => Ok((tokens - 1).isqrt()),
        _ => Err(wrong(positions, "shape [1 + places, width]")),
    };
    let pool = "visual.attnpool.positional_embedding";
    let vision = if arrays.contains_key(pool) {
        let first = "visual.layer1.0.conv1.weight";
        let Some(&[width, _, 1, 1]) = shape(first) else {
            return Err(wrong(first, "shape [width, width, 1, 1]"));
        };
        let stages = [1, 2, 3, 4].map(|stage| {
            let key = |block| format!("visual.layer{stage}.{block}.conv1.weight");
            (0..)
                .take_while(|&block| arrays.contains_key(&key(block)))
                .count()
        });
        VisionConfig {
            image_size: grid(pool)?.saturating_mul(REDUCTION),
            patch_size: REDUCTION,
            width,
            layers: Layers::ResNet(stages),
            heads: (width.saturating_mul(32) / HEAD_WIDTH).max(1),
        }
    } else {
        let conv = "visual.conv1.weight";
        let Some(&[width, 3, patch_size, _]) = shape(conv) else {
            return Err(wrong(conv, "shape [width, 3, patch, patch]"));
        };
        VisionConfig {
            image_size: grid("visual.positional_embedding")?.saturating_mul(patch_size),
            patch_size,
            width,
            layers: Layers::Transformer(blocks("visual.", width)?),
            heads: (width / HEAD_WIDTH).max(1),
        }
    };
    let (positions, tokens) = ("positional_embedding", "token_embedding.weight");
    let Some(&[context_length, width]) = shape(positions) else {
        return Err(wrong(positions, "shape [context, width]"));
    };
    let Some(&[vocab_size, _]) = shape(tokens) else {
        return Err(wrong(tokens, "shape [vocabulary, width]"));
    };
    let Some(&[_, embed_dim]) = shape("text_projection") else {
        return Err(wrong("text_projection", "shape [width, embedding]"));
    };
    let config = ClipConfig {
        embed_dim,
        vision,
        text: TextConfig {
            context_length,
            vocab_size,
            width,
            layers: blocks("", width)?,
            heads: (width / HEAD_WIDTH).max(1),
        },
        activation: Activation::QuickGelu,
        mean: OPENAI_MEAN,
        std: OPENAI_STD,
    };
    config.validate()?;
    Ok(config)
}
