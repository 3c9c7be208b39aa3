//! The last step: CLIP, mapper and generator in one folder.

use std::path::Path;

use clip2gan::{Bundle, Manifest};
use clip2gan_clip::Clip;
use clip2gan_mapper::Mapper;
use clip2gan_stylegan2::Generator;
use serde_json::{Value, json};

use super::Run;
use super::config::{Data, RunConfig};
use super::mapper::GENERATOR;
use crate::args::Stage;
use crate::error::Outcome;

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
    let bundle = Bundle::new(
        manifest,
        Clip::load(clip, &device)?,
        Mapper::load(mapper, &device)?,
        Generator::load(generator, &device)?,
    )?;
    let hash = bundle.save(folder)?;
    if let Data::Avatars { .. } = data {
        attribute(folder)?;
    }
    Ok(json!({ "folder": folder.display().to_string(), "hash": hash }))
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
