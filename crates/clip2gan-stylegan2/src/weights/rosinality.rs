//! Key tables between our field paths and the names of rosinality's implementation.
//!
//! | theirs | ours |
//! |---|---|
//! | `style.{i + 1}` | `mapping.layers.{i}` |
//! | `input.input` | `synthesis.blocks.0.constant` |
//! | `conv1`, `to_rgb1` | `synthesis.blocks.0.conv1`, `….to_rgb` |
//! | `convs.{2i}`, `convs.{2i + 1}`, `to_rgbs.{i}` | `synthesis.blocks.{i + 1}.conv0`, `….conv1`, `….to_rgb` |
//! | `noises.noise_0`, `….noise_{2i + 1}`, `….noise_{2i + 2}` | `….noise_const` of the same layers |
//! | `….conv.weight`, `….conv.modulation` | `….weight`, `….affine` |
//! | `….activate.bias`, `….noise.weight` | `….bias`, `….noise_strength` |
//! | discriminator: `convs.0.{0,1}` | `from_rgb` |
//! | `convs.{i + 1}.conv1.{0,1}`, `….conv2.{1,2}`, `….skip.1` | `blocks.{i}.conv0`, `….conv1`, `….skip` |
//! | `final_conv.{0,1}`, `final_linear.{0,1}` | `epilogue.conv`, `epilogue.fc`, `epilogue.out` |
//! | `….kernel` | checked, not stored |
//!
//! Their modulated convolution multiplies its weight by `1 / √(i·k²)` before it demodulates, ours and NVlabs' does not.
//! The factor goes into the weight here, so that even the epsilon of the demodulation is theirs.

use std::collections::BTreeMap;

use super::Part;
use super::part::rename;
use crate::{Error, Result};

/// Their name of resampling filters.
const FILTER: &str = "kernel";

/// Renames the arrays of rosinality's generator, without its average latent, which is kept beside it.
///
/// # Errors
/// [`Error::Key`] for a name that the table does not hold, or another resampling filter than
/// `[1, 3, 3, 1]`.
pub fn generator_from_rosinality<P: Part>(
    arrays: BTreeMap<String, P>,
) -> Result<BTreeMap<String, P>> {
    let renamed = rename(arrays, FILTER, generator_key)?;
    let folded = renamed.into_iter().map(|(key, part)| {
        let convolution = key.ends_with(".weight") && key.contains(".conv");
        match part.shape() {
            &[_, inputs, height, width] if convolution => {
                let fan_in = inputs.saturating_mul(height).saturating_mul(width);
                let factor = 1.0 / (fan_in as f32).sqrt();
                (key, part.scaled(factor))
            }
            _ => (key, part),
        }
    });
    Ok(folded.collect())
}

/// Renames the arrays of rosinality's discriminator.
///
/// # Errors
/// As [`generator_from_rosinality`].
pub fn discriminator_from_rosinality<P: Part>(
    arrays: BTreeMap<String, P>,
) -> Result<BTreeMap<String, P>> {
    rename(arrays, FILTER, discriminator_key)
}

/// The average latent, wherever they keep it, as `[w_dim]`.
///
/// # Errors
/// [`Error::Key`] if it is no vector.
pub(super) fn latent_avg<P: Part>(part: P) -> Result<P> {
    let length = part.shape().iter().copied().max().unwrap_or(0);
    if part.shape().iter().filter(|&&n| n != 1).count() > 1 {
        return Err(Error::Key {
            key: "latent_avg".into(),
            expected: "a vector".into(),
            found: format!("shape {:?}", part.shape()),
        });
    }
    Ok(part.reshaped(vec![length]))
}

fn generator_key(key: &str) -> Option<String> {
    if let Some(rest) = key.strip_prefix("style.") {
        let (layer, rest) = number(rest)?;
        return Some(format!("mapping.layers.{}.{rest}", layer.checked_sub(1)?));
    }
    if key == "input.input" {
        return Some("synthesis.blocks.0.constant".into());
    }
    if let Some(layer) = key.strip_prefix("noises.noise_") {
        return Some(format!("{}.noise_const", layer_path(layer.parse().ok()?)));
    }
    if let Some(rest) = key.strip_prefix("conv1.") {
        return Some(format!("{}.{}", layer_path(0), layer_key(rest)?));
    }
    if let Some(rest) = key.strip_prefix("convs.") {
        let (layer, rest) = number(rest)?;
        return Some(format!("{}.{}", layer_path(layer + 1), layer_key(rest)?));
    }
    let (block, rest) = match key.strip_prefix("to_rgb1.") {
        Some(rest) => (0, rest),
        None => {
            let (block, rest) = number(key.strip_prefix("to_rgbs.")?)?;
            (block + 1, rest)
        }
    };
    Some(format!(
        "synthesis.blocks.{block}.to_rgb.{}",
        layer_key(rest)?
    ))
}

/// The synthesis layer of number `layer`, counted from the input.
fn layer_path(layer: usize) -> String {
    let block = layer.div_ceil(2);
    let half = if layer % 2 == 1 { "conv0" } else { "conv1" };
    format!("synthesis.blocks.{block}.{half}")
}

/// A key inside a synthesis or ToRGB layer.
fn layer_key(rest: &str) -> Option<&'static str> {
    Some(match rest {
        "conv.weight" => "weight",
        "conv.modulation.weight" => "affine.weight",
        "conv.modulation.bias" => "affine.bias",
        "activate.bias" | "bias" => "bias",
        "noise.weight" => "noise_strength",
        _ => return None,
    })
}

fn discriminator_key(key: &str) -> Option<String> {
    if let Some(rest) = key.strip_prefix("convs.") {
        let (index, rest) = number(rest)?;
        return match index.checked_sub(1) {
            None => Some(format!("from_rgb.{}", sequence_key(rest, 0)?)),
            Some(block) => {
                let rest = match rest.split_once('.')? {
                    ("conv1", rest) => format!("conv0.{}", sequence_key(rest, 0)?),
                    // These begin with a filter.
                    ("conv2", rest) => format!("conv1.{}", sequence_key(rest, 1)?),
                    ("skip", rest) => format!("skip.{}", sequence_key(rest, 1)?),
                    _ => return None,
                };
                Some(format!("blocks.{block}.{rest}"))
            }
        };
    }
    if let Some(rest) = key.strip_prefix("final_conv.") {
        return Some(format!("epilogue.conv.{}", sequence_key(rest, 0)?));
    }
    let (layer, rest) = number(key.strip_prefix("final_linear.")?)?;
    let layer = ["fc", "out"].get(layer)?;
    Some(format!("epilogue.{layer}.{rest}"))
}

/// A convolution's weight stands at `first` of a sequence, its bias after it.
fn sequence_key(rest: &str, first: usize) -> Option<&'static str> {
    match number(rest)? {
        (place, "weight") if place == first => Some("weight"),
        (place, "bias") if place == first + 1 => Some("bias"),
        _ => None,
    }
}

/// `12.conv.weight` → `(12, "conv.weight")`.
fn number(text: &str) -> Option<(usize, &str)> {
    let (number, rest) = text.split_once('.')?;
    let number: u16 = number.parse().ok()?;
    Some((usize::from(number), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_counted_from_the_input() {
        for (theirs, ours) in [
            ("conv1.conv.weight", "synthesis.blocks.0.conv1.weight"),
            ("convs.0.conv.weight", "synthesis.blocks.1.conv0.weight"),
            ("convs.3.activate.bias", "synthesis.blocks.2.conv1.bias"),
            ("noises.noise_0", "synthesis.blocks.0.conv1.noise_const"),
            ("noises.noise_3", "synthesis.blocks.2.conv0.noise_const"),
            ("to_rgbs.1.bias", "synthesis.blocks.2.to_rgb.bias"),
            ("style.1.weight", "mapping.layers.0.weight"),
        ] {
            assert_eq!(generator_key(theirs).as_deref(), Some(ours));
        }
    }

    #[test]
    fn unknown_keys_have_no_place() {
        for key in ["style.0.weight", "convs.x.bias", "convs.0", "other", ""] {
            assert_eq!(generator_key(key), None, "{key}");
            assert_eq!(discriminator_key(key), None, "{key}");
        }
    }
}
