//! Key tables between our field paths and the names of the reference implementation (NVlabs).
//!
//! | theirs | ours |
//! |---|---|
//! | `mapping.fc{i}` | `mapping.layers.{i}` |
//! | `synthesis.b{r}` | `synthesis.blocks.{log2 r − 2}` |
//! | `….const`, `….torgb` | `….constant`, `….to_rgb` |
//! | `mapping.embed` | the same, in conditional networks |
//! | `b{R}.fromrgb` | `from_rgb` |
//! | `b{r}.fromrgb` (r < R, input skips) | `from_rgbs.{log2 R − log2 r − 1}` |
//! | `b{r}` (r > 4) | `blocks.{log2 R − log2 r}` |
//! | `b4` | `epilogue` |
//! | `….resample_filter` | checked, not stored |

use std::collections::BTreeMap;

use super::Part;
use super::part::rename;
use crate::Result;

/// Their name of resampling filters.
const FILTER: &str = "resample_filter";

/// Renames the arrays of an NVlabs generator.
///
/// # Errors
/// [`Error::Key`](crate::Error::Key) for a name that the table does not hold, or another resampling filter than
/// `[1, 3, 3, 1]`.
pub fn generator_from_nvlabs<P: Part>(arrays: BTreeMap<String, P>) -> Result<BTreeMap<String, P>> {
    rename(arrays, FILTER, generator_key)
}

/// Renames the arrays of an NVlabs discriminator of images of side `resolution`.
///
/// # Errors
/// As [`generator_from_nvlabs`].
pub fn discriminator_from_nvlabs<P: Part>(
    arrays: BTreeMap<String, P>,
    resolution: usize,
) -> Result<BTreeMap<String, P>> {
    rename(arrays, FILTER, |key| discriminator_key(key, resolution))
}

/// The largest resolution among the blocks of a discriminator.
pub(super) fn discriminator_resolution<'a>(keys: impl Iterator<Item = &'a String>) -> usize {
    keys.filter_map(|key| block(key))
        .map(|(resolution, _)| resolution)
        .max()
        .unwrap_or(4)
}

fn generator_key(key: &str) -> Option<String> {
    if let Some(rest) = key.strip_prefix("mapping.") {
        return mapping_key(rest).or_else(|| (rest == "w_avg").then(|| key.to_owned()));
    }
    let (resolution, rest) = block(key.strip_prefix("synthesis.")?)?;
    let rest = match rest {
        "const" => "constant".to_owned(),
        _ => rest.replace("torgb", "to_rgb"),
    };
    Some(format!(
        "synthesis.blocks.{}.{rest}",
        resolution.ilog2().checked_sub(2)?
    ))
}

/// `fc0.weight` → `mapping.layers.0.weight`.
fn mapping_key(rest: &str) -> Option<String> {
    match rest.strip_prefix("fc") {
        Some(layer) => Some(format!("mapping.layers.{layer}")),
        None => rest
            .starts_with("embed.")
            .then(|| format!("mapping.{rest}")),
    }
}

fn discriminator_key(key: &str, image_resolution: usize) -> Option<String> {
    if let Some(rest) = key.strip_prefix("mapping.") {
        return mapping_key(rest);
    }
    let (resolution, rest) = block(key)?;
    let index = image_resolution.ilog2().checked_sub(resolution.ilog2())?;
    if let Some(rest) = rest.strip_prefix("fromrgb.") {
        return Some(match index.checked_sub(1) {
            None => format!("from_rgb.{rest}"),
            Some(index) => format!("from_rgbs.{index}.{rest}"),
        });
    }
    if resolution == 4 {
        return Some(format!("epilogue.{rest}"));
    }
    Some(format!("blocks.{index}.{rest}"))
}

/// `b16.conv0.weight` → `(16, "conv0.weight")`.
fn block(key: &str) -> Option<(usize, &str)> {
    let (resolution, rest) = key.strip_prefix('b')?.split_once('.')?;
    let resolution: usize = resolution.parse().ok()?;
    (resolution >= 4).then_some((resolution, rest))
}
