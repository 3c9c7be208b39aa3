//! The networks in a checkpoint of either family, under our names and with their sizes.

use std::collections::BTreeMap;

use burn::tensor::Device;
use clip2gan_train::{params, rng};
use clip2gan_weights::{Array, Checkpoint, Family};
use serde_json::Value as Json;

use super::Part;
use super::nvlabs::{discriminator_from_nvlabs, discriminator_resolution, generator_from_nvlabs};
use super::rosinality::{discriminator_from_rosinality, generator_from_rosinality, latent_avg};
use super::sizes::{discriminator_config, generator_config};
use crate::{Discriminator, DiscriminatorConfig, Error, Generator, GeneratorConfig, Result};

/// Rosinality's name of the average latent.
const LATENT_AVG: &str = "latent_avg";
/// Latents of which the average is taken where a checkpoint has none: as many as rosinality's `generate.py` takes.
const AVERAGED: usize = 4096;

/// A generator's arrays under our names.
#[derive(Clone, Debug)]
pub struct CheckpointGenerator<P = Array> {
    /// Its sizes.
    pub config: GeneratorConfig,
    /// Its parameters and buffers.
    pub arrays: BTreeMap<String, P>,
    /// Whether the checkpoint holds the average latent; if not, `mapping.w_avg` is left at zero in `arrays`.
    pub has_average: bool,
}

/// A discriminator's arrays under our names.
#[derive(Clone, Debug)]
pub struct CheckpointDiscriminator<P = Array> {
    /// Its sizes.
    pub config: DiscriminatorConfig,
    /// Its parameters.
    pub arrays: BTreeMap<String, P>,
}

/// The generator of a checkpoint: the running average `G_ema` or `g_ema`, else `G` or `g`, else what stands at the top.
///
/// # Errors
/// [`Error::Key`] if the checkpoint is of no StyleGAN2 or lacks the generator; or its arrays are not those of one.
pub fn generator<P: Part + Clone>(checkpoint: &Checkpoint<P>) -> Result<CheckpointGenerator<P>> {
    let nvlabs = family(checkpoint)? == Family::StyleGan2Nvlabs;
    let (names, mark): (&[&str], _) = if nvlabs {
        (&["G_ema", "G", "generator"], "mapping.fc0.weight")
    } else {
        (&["g_ema", "g", "generator"], "style.1.weight")
    };
    let (path, mut arrays) = network(checkpoint, names, mark)?;
    let mut has_average = true;
    if nvlabs {
        arrays = generator_from_nvlabs(arrays)?;
    } else {
        // It stands beside the networks, so also beside this one's arrays if there is no other.
        arrays.remove(LATENT_AVG);
        arrays = generator_from_rosinality(arrays)?;
        let average = checkpoint.arrays.get(LATENT_AVG).cloned();
        has_average = average.is_some();
        let zero = || Some(arrays.get("mapping.layers.0.bias")?.clone().scaled(0.0));
        if let Some(average) = average.map(latent_avg).transpose()?.or_else(zero) {
            arrays.insert("mapping.w_avg".into(), average);
        }
    }
    let mut config = generator_config(&arrays)?;
    if nvlabs {
        let resolution = config.resolution;
        let layer = format!("{}synthesis.b{resolution}.conv1", path);
        config.conv_clamp = clamp(checkpoint, &layer)?;
    }
    Ok(CheckpointGenerator {
        config,
        arrays,
        has_average,
    })
}

/// The discriminator of a checkpoint: `D` or `d`, else what stands at the top.
///
/// # Errors
/// As [`generator`].
pub fn discriminator<P: Part + Clone>(
    checkpoint: &Checkpoint<P>,
) -> Result<CheckpointDiscriminator<P>> {
    let nvlabs = family(checkpoint)? == Family::StyleGan2Nvlabs;
    if !nvlabs {
        let (_, arrays) = network(checkpoint, &["d", "discriminator"], "final_conv.0.weight")?;
        let arrays = discriminator_from_rosinality(arrays)?;
        let config = discriminator_config(&arrays)?;
        return Ok(CheckpointDiscriminator { config, arrays });
    }
    let (path, arrays) = network(checkpoint, &["D", "discriminator"], "b4.conv.weight")?;
    let resolution = discriminator_resolution(arrays.keys());
    let arrays = discriminator_from_nvlabs(arrays, resolution)?;
    let mut config = discriminator_config(&arrays)?;
    config.conv_clamp = clamp(checkpoint, &format!("{path}b4.conv"))?;
    let statistics = checkpoint.modules.get(&format!("{path}b4.mbstd"));
    let group = statistics.and_then(|module| module.attributes.get("group_size"));
    if let Some(group) = group.and_then(Json::as_u64) {
        config.mbstd_group_size = usize::try_from(group).unwrap_or(usize::MAX);
    }
    config.validate()?;
    Ok(CheckpointDiscriminator { config, arrays })
}

impl CheckpointGenerator {
    /// The generator itself. Where the checkpoint has no average latent, it is the mean of 4096 fixed ones.
    ///
    /// # Errors
    /// If the arrays are not those of its sizes.
    pub fn build(&self, device: &Device) -> Result<Generator> {
        let mut generator = params::load(self.config.announce(device), &self.arrays)?;
        if !self.has_average && self.config.c_dim == 0 {
            let mut rng = rng::stream(0, "average latent", 0);
            let z = rng::randn([AVERAGED, self.config.z_dim], &mut rng, device);
            let w = generator.mapping.forward(z);
            generator.mapping = generator.mapping.update_w_avg(w, 0.0);
        }
        Ok(generator)
    }
}

impl CheckpointDiscriminator {
    /// The discriminator itself.
    ///
    /// # Errors
    /// If the arrays are not those of its sizes.
    pub fn build(&self, device: &Device) -> Result<Discriminator> {
        Ok(params::load(self.config.announce(device), &self.arrays)?)
    }
}

fn family<P>(checkpoint: &Checkpoint<P>) -> Result<Family> {
    match checkpoint.family {
        family @ (Family::StyleGan2Nvlabs | Family::StyleGan2Rosinality) => Ok(family),
        other => Err(Error::Key {
            key: "mapping network".into(),
            expected: "a StyleGAN2 checkpoint of NVlabs or rosinality".into(),
            found: format!("{} ({other})", checkpoint.format),
        }),
    }
}

/// The arrays below the first of `names` that has `mark` below it, or of the whole checkpoint if `mark` stands at its
/// top; with the path they stood below.
fn network<P: Clone>(
    checkpoint: &Checkpoint<P>,
    names: &[&str],
    mark: &str,
) -> Result<(String, BTreeMap<String, P>)> {
    let mut paths = names.iter().map(|name| format!("{name}."));
    let path = paths
        .find(|path| checkpoint.arrays.contains_key(&format!("{path}{mark}")))
        .or_else(|| checkpoint.arrays.contains_key(mark).then(String::new))
        .ok_or_else(|| Error::Key {
            key: mark.into(),
            expected: format!("this key, alone or below {}", names.join(", ")),
            found: format!("{} other keys", checkpoint.arrays.len()),
        })?;
    let arrays = checkpoint
        .arrays
        .iter()
        .filter_map(|(key, part)| Some((key.strip_prefix(&path)?.to_owned(), part.clone())))
        .collect();
    Ok((path, arrays))
}

/// What a layer of NVlabs' says of its limit.
fn clamp<P>(checkpoint: &Checkpoint<P>, layer: &str) -> Result<Option<f32>> {
    let attributes = checkpoint
        .modules
        .get(layer)
        .map(|module| &module.attributes);
    if let Some(activation) = attributes.and_then(|it| it.get("activation"))
        && activation != "lrelu"
    {
        return Err(Error::Key {
            key: format!("{layer}.activation"),
            expected: "lrelu".into(),
            found: activation.to_string(),
        });
    }
    let clamp = attributes.and_then(|it| it.get("conv_clamp"));
    Ok(clamp.and_then(Json::as_f64).map(|clamp| clamp as f32))
}
