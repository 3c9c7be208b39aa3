//! `clip2gan generate`: a generator's pictures of given seeds, with the options that users of StyleGAN know. A seed stands
//! for the same latent as there.

use std::path::Path;
use std::time::Instant;

use burn::tensor::Device;
use clip2gan::bundle::MANIFEST;
use clip2gan::{Bundle, Recipe, pixels, png};
use clip2gan_stylegan2::{Generator, GeneratorConfig, NoiseMode, seeds};
use serde_json::json;

use super::{Context, text};
use crate::args::{Generate, Noise};
use crate::bundle;
use crate::error::{Failure, Outcome, at};
use crate::seeds::Seeds;

/// Draws one file a seed.
pub fn run(context: &Context, options: &Generate) -> Outcome {
    let device = context.device()?;
    let network = match &options.network {
        Some(network) => network.clone(),
        None => bundle::find(None)?,
    };
    let (generator, config, recipe) = load(&network, &device)?;
    let Seeds(wanted) = match &options.seeds {
        Some(seeds) => seeds.clone(),
        None => Seeds(vec![context.seed()]),
    };
    if let Some(seed) = wanted.iter().find(|seed| u32::try_from(**seed).is_err()) {
        return Err(Failure::usage(format!("seed {seed} is too large"))
            .expected(format!("at most {}, as upstream", u32::MAX)));
    }
    std::fs::create_dir_all(&options.outdir).map_err(at(&options.outdir))?;

    let start = Instant::now();
    let mut progress = context.console.progress("generate", 0, wanted.len() as u64);
    let mut files = Vec::new();
    for (&seed, done) in wanted.iter().zip(1..) {
        let z = seeds::z_of_seed(seed as u32, config.z_dim, &device);
        let noise = match options.noise_mode {
            Noise::Const => NoiseMode::Const,
            Noise::Random => NoiseMode::Random { seed },
            Noise::None => NoiseMode::None,
        };
        let images = pixels::to_images(generator.forward(z, options.trunc as f32, noise));
        let mut recipe = recipe
            .clone()
            .with("trunc", options.trunc)
            .with("noise-mode", options.noise_mode.name());
        recipe.seed = Some(seed);
        let path = options.outdir.join(format!("seed{seed:04}.png"));
        if let Some(image) = images.first() {
            png::write(&path, image, &recipe)?;
        }
        files.push(text(&path));
        progress.set(done, "");
    }
    progress.finish();
    let seconds = start.elapsed().as_secs_f64();
    context.console.done(
        format_args!("{}\ndrawn in {seconds:.2} s", files.join("\n")),
        json!({ "files": files, "seeds": wanted, "seconds": seconds }),
    );
    Ok(())
}

/// The generator of a bundle or of a folder of its own, and how a recipe names it.
fn load(network: &Path, device: &Device) -> Outcome<(Generator, GeneratorConfig, Recipe)> {
    let recipe = |name: &str, hash: &str| Recipe::new("generate", name, hash);
    if network.join(MANIFEST).is_file() {
        let bundle = Bundle::load(network, device)?;
        let recipe = recipe(&bundle.manifest.name, bundle.hash());
        return Ok((bundle.generator, bundle.generator_config, recipe));
    }
    if !network.join("config.json").is_file() {
        return Err(
            Failure::failed(format!("--network: no generator in {}", network.display())).expected(
                "the folder of a bundle, or of a generator with config.json and model.safetensors",
            ),
        );
    }
    let (generator, config) = Generator::load(network, device)?;
    // `Generator::forward` takes no labels.
    if config.c_dim > 0 {
        return Err(Failure::failed(format!(
            "--network: {} draws {} classes, and no option chooses one",
            network.display(),
            config.c_dim
        ))
        .expected("a generator without classes (c_dim 0)"));
    }
    Ok((generator, config, recipe(&text(network), "")))
}
