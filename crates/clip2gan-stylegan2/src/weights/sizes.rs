//! The configuration of a network, from the shapes of its arrays under our names.
//!
//! Every array that sets a size is checked to have the shape that follows, so the network that is then built is never
//! much larger than the arrays that it is built for.

use std::collections::BTreeMap;

use super::Part;
use crate::{Architecture, DiscriminatorConfig, Error, GeneratorConfig, Result};

/// The sizes of a generator. What shapes do not tell is left at its default.
///
/// # Errors
/// [`Error::Key`] for an array that is missing or of a shape that no generator has.
pub fn generator_config<P: Part>(arrays: &BTreeMap<String, P>) -> Result<GeneratorConfig> {
    let arrays = Shapes(arrays);
    let [w_dim] = arrays.shape("mapping.w_avg")?;
    let (inputs, mapping_layers) = arrays.mapping("mapping.layers", w_dim)?;
    let c_dim = arrays.label("mapping.embed.weight", w_dim)?;
    let embedded = if c_dim > 0 { w_dim } else { 0 };

    let mut widths = Vec::new();
    while widths.is_empty() || arrays.has(&block(widths.len(), "conv1.weight")) {
        let conv1 = |rest: &str| block(widths.len(), &format!("conv1.{rest}"));
        let [channels, ..] = arrays.shape::<4>(&conv1("weight"))?;
        arrays.expect(&conv1("weight"), [channels, channels, 3, 3])?;
        arrays.expect(&conv1("affine.weight"), [channels, w_dim])?;
        widths.push(channels);
    }
    let last = widths.len() - 1;
    let [img_channels, ..] = arrays.shape::<4>(&block(last, "to_rgb.weight"))?;
    arrays.expect(
        &block(last, "to_rgb.weight"),
        [img_channels, widths[last], 1, 1],
    )?;
    let architecture = match (
        arrays.has(&block(1, "skip.weight")),
        arrays.has(&block(0, "to_rgb.weight")),
    ) {
        (true, _) => Architecture::Resnet,
        (false, true) => Architecture::Skip,
        (false, false) => Architecture::Orig,
    };
    let (resolution, channel_base, channel_max) = widths_rule(&widths)?;
    let config = GeneratorConfig {
        z_dim: inputs.saturating_sub(embedded),
        w_dim,
        resolution,
        img_channels,
        channel_base,
        channel_max,
        mapping_layers,
        c_dim,
        architecture,
        ..GeneratorConfig::default()
    };
    config.validate()?;
    Ok(config)
}

/// The sizes of a discriminator. What shapes do not tell is left at its default.
///
/// # Errors
/// As [`generator_config`].
pub fn discriminator_config<P: Part>(arrays: &BTreeMap<String, P>) -> Result<DiscriminatorConfig> {
    let arrays = Shapes(arrays);
    let [largest, img_channels, ..] = arrays.shape::<4>("from_rgb.weight")?;
    arrays.expect("from_rgb.weight", [largest, img_channels, 1, 1])?;
    let mut widths = vec![largest];
    while arrays.has(&format!("blocks.{}.conv0.weight", widths.len() - 1)) {
        let index = widths.len() - 1;
        let inputs = widths[index];
        let conv1 = format!("blocks.{index}.conv1.weight");
        let [outputs, ..] = arrays.shape::<4>(&conv1)?;
        arrays.expect(&conv1, [outputs, inputs, 3, 3])?;
        let conv0 = format!("blocks.{index}.conv0.weight");
        arrays.expect(&conv0, [inputs, inputs, 3, 3])?;
        widths.push(outputs);
    }
    widths.reverse();
    let channels = widths[0];
    let (resolution, channel_base, channel_max) = widths_rule(&widths)?;

    let [_, inputs, ..] = arrays.shape::<4>("epilogue.conv.weight")?;
    arrays.expect("epilogue.conv.weight", [channels, inputs, 3, 3])?;
    arrays.expect(
        "epilogue.fc.weight",
        [channels, channels.saturating_mul(16)],
    )?;
    let conditional = arrays.has("mapping.embed.weight");
    let (c_dim, mapping_layers) = match conditional {
        true => {
            let (_, layers) = arrays.mapping("mapping.layers", channels)?;
            (arrays.label("mapping.embed.weight", channels)?, layers)
        }
        false => (0, DiscriminatorConfig::default().mapping_layers),
    };
    let outputs = if conditional { channels } else { 1 };
    arrays.expect("epilogue.out.weight", [outputs, channels])?;
    let architecture = match (
        arrays.has("blocks.0.skip.weight"),
        arrays.has("from_rgbs.0.weight"),
    ) {
        (true, _) => Architecture::Resnet,
        (false, true) => Architecture::Skip,
        // Without blocks there is nothing to join.
        (false, false) if resolution == 4 => Architecture::Resnet,
        (false, false) => Architecture::Orig,
    };
    let config = DiscriminatorConfig {
        resolution,
        img_channels,
        channel_base,
        channel_max,
        mbstd_num_channels: inputs.saturating_sub(channels),
        c_dim,
        mapping_layers,
        architecture,
        ..DiscriminatorConfig::default()
    };
    config.validate()?;
    Ok(config)
}

fn block(index: usize, rest: &str) -> String {
    format!("synthesis.blocks.{index}.{rest}")
}

/// Resolution, `channel_base` and `channel_max` of blocks of these widths, from resolution 4 up.
fn widths_rule(widths: &[usize]) -> Result<(usize, usize, usize)> {
    let resolution = |index: usize| 4_usize.checked_shl(index as u32).filter(|r| *r <= 4096);
    let unruly = || Error::Key {
        key: "the convolutions' weights".into(),
        expected: "min(channel_base / resolution, channel_max) channels, resolutions to 4096"
            .into(),
        found: format!("{widths:?} channels"),
    };
    let (mut base, mut max) = (0, 0);
    for (index, &width) in widths.iter().enumerate() {
        let channels_of_all = resolution(index).and_then(|r| width.checked_mul(r));
        base = base.max(channels_of_all.ok_or_else(unruly)?);
        max = max.max(width);
    }
    let largest = resolution(widths.len() - 1).ok_or_else(unruly)?;
    let ruled = widths
        .iter()
        .enumerate()
        .all(|(index, &width)| width == (base / (4 << index)).min(max));
    if !ruled {
        return Err(unruly());
    }
    Ok((largest, base, max))
}

/// Arrays that are asked for their shapes.
struct Shapes<'a, P>(&'a BTreeMap<String, P>);

impl<P: Part> Shapes<'_, P> {
    fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    fn shape<const D: usize>(&self, key: &str) -> Result<[usize; D]> {
        let found = self.0.get(key).map(Part::shape);
        let shape = found.and_then(|shape| <[usize; D]>::try_from(shape).ok());
        shape
            .filter(|shape| shape.iter().all(|&length| length > 0))
            .ok_or_else(|| Error::Key {
                key: key.into(),
                expected: format!("an array of {D} dimensions, none of them 0"),
                found: described(found),
            })
    }

    fn expect<const D: usize>(&self, key: &str, expected: [usize; D]) -> Result<()> {
        let found = self.0.get(key).map(Part::shape);
        if found == Some(&expected) {
            return Ok(());
        }
        Err(Error::Key {
            key: key.into(),
            expected: format!("shape {expected:?}"),
            found: described(found),
        })
    }

    /// How many values go into a mapping network of `outputs`-wide layers, and the number of the layers.
    fn mapping(&self, path: &str, outputs: usize) -> Result<(usize, usize)> {
        let [_, inputs] = self.shape(&format!("{path}.0.weight"))?;
        self.expect(&format!("{path}.0.weight"), [outputs, inputs])?;
        let mut layers = 1;
        while self.has(&format!("{path}.{layers}.weight")) {
            self.expect(&format!("{path}.{layers}.weight"), [outputs, outputs])?;
            layers += 1;
        }
        Ok((inputs, layers))
    }

    /// The length of a label, 0 if there are none.
    fn label(&self, key: &str, outputs: usize) -> Result<usize> {
        if !self.has(key) {
            return Ok(0);
        }
        let [_, c_dim] = self.shape(key)?;
        self.expect(key, [outputs, c_dim])?;
        Ok(c_dim)
    }
}

fn described(shape: Option<&[usize]>) -> String {
    shape.map_or("no such array".into(), |shape| format!("shape {shape:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_of_the_presets_are_found_again() {
        for config in [
            GeneratorConfig::config_f(1024),
            GeneratorConfig::config_e(256),
        ] {
            let resolutions = config.block_resolutions();
            let widths: Vec<usize> = resolutions.iter().map(|&r| config.channels(r)).collect();
            let (resolution, base, max) = widths_rule(&widths).unwrap();
            assert_eq!(resolution, config.resolution);
            let found = GeneratorConfig {
                channel_base: base,
                channel_max: max,
                ..config.clone()
            };
            assert!(
                resolutions
                    .iter()
                    .all(|&r| found.channels(r) == config.channels(r))
            );
        }
    }

    #[test]
    fn other_widths_and_absurd_ones_are_refused() {
        for widths in [&[8, 16][..], &[usize::MAX], &[1; 60]] {
            assert!(widths_rule(widths).is_err(), "{widths:?}");
        }
    }
}
