//! `clip2gan import`: a checkpoint of another implementation becomes folders that this one loads.

use std::path::Path;

use clip2gan_stylegan2::generator::{CONFIG_FILE, WEIGHTS_FILE};
use clip2gan_stylegan2::weights;
use clip2gan_weights::{Arrays, Metadata, read_checkpoint, write_atomic, write_safetensors};
use serde::Serialize;
use serde_json::json;

use super::{Context, text};
use crate::args::Import;
use crate::error::{Failure, Outcome, at};

/// Folder of the discriminator below the generator's.
const DISCRIMINATOR: &str = "discriminator";

/// Writes the generator and, where there is one, the discriminator.
pub fn run(context: &Context, options: &Import) -> Outcome {
    let path = &options.checkpoint;
    let checkpoint = read_checkpoint(path)?;
    let named = |error| Failure::failed(format!("{}: {error}", path.display()));
    let generator = weights::generator(&checkpoint).map_err(named)?;
    // Building it checks every array, and makes the average latent where there is none.
    let network = generator.build(&context.device()?).map_err(named)?;
    let arrays = match generator.has_average {
        true => generator.arrays,
        false => clip2gan_train::params::to_arrays(&network),
    };
    write(&options.out, &generator.config, &arrays)?;
    let mut plain = format!("generator:     {}", options.out.display());
    let discriminator = weights::discriminator(&checkpoint).ok();
    if let Some(discriminator) = &discriminator {
        let folder = options.out.join(DISCRIMINATOR);
        write(&folder, &discriminator.config, &discriminator.arrays)?;
        plain += &format!("\ndiscriminator: {}", folder.display());
    }
    context.console.done(
        plain,
        json!({
            "family": checkpoint.family.to_string(),
            "out": text(&options.out),
            "generator": generator.config,
            "discriminator": discriminator.map(|it| it.config),
        }),
    );
    Ok(())
}

fn write(folder: &Path, config: &impl Serialize, arrays: &Arrays) -> Outcome {
    std::fs::create_dir_all(folder).map_err(at(folder))?;
    let config = serde_json::to_string_pretty(config)? + "\n";
    write_atomic(&folder.join(CONFIG_FILE), config.as_bytes())?;
    write_safetensors(folder.join(WEIGHTS_FILE), arrays, &Metadata::default())?;
    Ok(())
}
