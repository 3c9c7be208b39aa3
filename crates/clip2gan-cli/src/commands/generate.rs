//! `clip2gan generate`: a generator's pictures of given seeds, with the options that users of StyleGAN know.

use std::time::Instant;

use clip2gan::bundle::MANIFEST;
use clip2gan::{Recipe, pixels, png};
use clip2gan_stylegan2::{Generator, NoiseMode};
use clip2gan_train::rng;
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
    let folder = match network.join(MANIFEST).is_file() {
        true => network.join("generator"),
        false => network.clone(),
    };
    if !folder.join("config.json").is_file() {
        return Err(
            Failure::failed(format!("--network: no generator in {}", network.display())).expected(
                "the folder of a bundle, or of a generator with config.json and model.safetensors",
            ),
        );
    }
    let (generator, config) = Generator::load(&folder, &device)?;
    let Seeds(seeds) = match &options.seeds {
        Some(seeds) => seeds.clone(),
        None => Seeds(vec![context.seed()]),
    };
    std::fs::create_dir_all(&options.outdir).map_err(at(&options.outdir))?;

    let start = Instant::now();
    let mut progress = context.console.progress("generate", 0, seeds.len() as u64);
    let mut files = Vec::new();
    for (&seed, done) in seeds.iter().zip(1..) {
        let z = rng::randn(
            [1, config.z_dim],
            &mut rng::stream(seed, "generate", 0),
            &device,
        );
        let noise = match options.noise_mode {
            Noise::Const => NoiseMode::Const,
            Noise::Random => NoiseMode::Random { seed },
            Noise::None => NoiseMode::None,
        };
        let images = pixels::to_images(generator.forward(z, options.trunc as f32, noise));
        let mut recipe = Recipe::new("generate", &text(&network), "")
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
        json!({ "files": files, "seeds": seeds, "seconds": seconds }),
    );
    Ok(())
}
