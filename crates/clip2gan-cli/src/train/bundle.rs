//! The last step: CLIP, mapper and generator in one folder.

use std::path::Path;

use burn::tensor::Tensor;
use clip2gan::{Bundle, Manifest};
use clip2gan_clip::Clip;
use clip2gan_mapper::{Mapper, Memory};
use clip2gan_stylegan2::Generator;
use serde_json::{Value, json};

use super::config::{Data, RunConfig};
use super::mapper::GENERATOR;
use super::{Run, data};
use crate::args::Stage;
use crate::error::Outcome;

/// Pictures that go through CLIP together.
const CHUNK: usize = 64;

/// Puts the finished models together and writes them in half precision.
pub fn assemble(run: &Run, folder: &Path) -> Outcome<Value> {
    let device = run.context.device()?;
    let RunConfig {
        name,
        description,
        defaults,
        data,
        ..
    } = &run.config;
    let manifest = Manifest {
        defaults: defaults.clone(),
        ..Manifest::new(name, description)
    };
    let clip = run.model(Stage::Clip)?;
    let mapper = run.model(Stage::Mapper)?;
    let generator = match run.config.tunes_generator() {
        true => run.stage_folder(Stage::Mapper).join(GENERATOR),
        false => run.model(Stage::Gan)?,
    };
    let mut bundle = Bundle::new(
        manifest,
        Clip::load(clip, &device)?,
        Mapper::load(mapper, &device)?,
        Generator::load(generator, &device)?,
    )?;
    if run.config.memory > 0 {
        let memory = remember(run, &bundle.clip)?;
        bundle = bundle.with_memory(memory)?;
    }
    let hash = bundle.save(folder)?;
    if let Data::Avatars { .. } = data {
        attribute(folder)?;
    }
    Ok(json!({ "folder": folder.display().to_string(), "hash": hash }))
}

/// The features of the first pictures of the training set.
fn remember(run: &Run, clip: &Clip) -> Outcome<Memory> {
    let device = run.context.device()?;
    let pictures = data::training(&run.config, clip.config().vision.image_size)?;
    let count = run.config.memory.min(pictures.len());
    let mut features = Vec::new();
    for start in (0..count).step_by(CHUNK) {
        let indices: Vec<usize> = (start..count.min(start + CHUNK)).collect();
        let batch = clip2gan_data::sample_batch(&*pictures, &indices)?;
        let pixels = clip.normalize_pixels(data::pictures(batch, &device));
        features.push(clip.encode_image(pixels));
    }
    Ok(Memory::new(Tensor::cat(features, 0)))
}

/// Names the artist of the drawings.
#[cfg(feature = "avatars")]
fn attribute(folder: &Path) -> Outcome {
    let text = clip2gan_data::attribution()?;
    Ok(clip2gan_weights::write_atomic(
        &folder.join("ATTRIBUTION.md"),
        text.as_bytes(),
    )?)
}

/// A build without the drawings cannot have come this far.
#[cfg(not(feature = "avatars"))]
fn attribute(_: &Path) -> Outcome {
    Ok(())
}
