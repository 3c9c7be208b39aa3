//! `clip2gan generate`: a generator's pictures of given seeds, with the options that users of StyleGAN know. A seed stands
//! for the same latent as there.

mod projected;
mod style_mixing;

use std::time::Instant;

use burn::tensor::Tensor;
use clip2gan::{Recipe, pixels, png};
use clip2gan_stylegan2::NoiseMode;
use image::RgbImage;
use serde_json::json;

use super::{Context, text};
use crate::args::{Format, Generate, Noise};
use crate::bundle;
use crate::console::Progress;
use crate::error::{Failure, Outcome, at};
use crate::network::{self, Network};
use crate::npy;
use crate::seeds::Seeds;

/// Draws one file a seed, a projected latent, or a pair of mixed styles.
pub fn run(context: &Context, options: &Generate) -> Outcome {
    let device = context.device()?;
    let place = match &options.network {
        Some(network) => network.clone(),
        None => bundle::find(None)?,
    };
    let network = network::load(&place, &device)?;
    let mut drawing = Drawing {
        options,
        network,
        noise_seed: context.seed,
        files: Vec::new(),
    };
    let start = Instant::now();
    let drawn = match (&options.projected_w, &options.rows, &options.cols) {
        (Some(file), ..) => {
            let ws = projected::read(file, &drawing.network, &device)?;
            projected(context, &mut drawing, &text(file), ws)?
        }
        (_, Some(rows), Some(cols)) => style_mixing::run(context, &mut drawing, rows, cols)?,
        _ => {
            let seeds = options
                .seeds
                .clone()
                .unwrap_or_else(|| Seeds(vec![context.seed()]));
            of_seeds(context, &mut drawing, &seeds)?
        }
    };
    let seconds = start.elapsed().as_secs_f64();
    let files = drawing.files;
    context.console.done(
        format_args!("{}\ndrawn in {seconds:.2} s", files.join("\n")),
        json!({ "files": files, "seeds": drawn, "seconds": seconds }),
    );
    Ok(())
}

/// `seedNNNN` for each seed.
fn of_seeds(context: &Context, drawing: &mut Drawing, Seeds(seeds): &Seeds) -> Outcome<Vec<u64>> {
    // All of them are looked at before anything is written.
    let ws = seeds
        .iter()
        .map(|&seed| drawing.ws(seed))
        .collect::<Outcome<Vec<_>>>()?;
    let mut progress = drawing.start(context, seeds.len())?;
    for ((&seed, ws), done) in seeds.iter().zip(ws).zip(1..) {
        let mut recipe = drawing.recipe();
        recipe.seed = Some(seed);
        drawing.draw(&format!("seed{seed:04}"), ws, seed, &recipe)?;
        progress.set(done, "");
    }
    progress.finish();
    Ok(seeds.clone())
}

/// `projNN` for each latent of a file.
fn projected(
    context: &Context,
    drawing: &mut Drawing,
    file: &str,
    ws: Tensor<3>,
) -> Outcome<Vec<u64>> {
    let count = ws.dims()[0];
    let mut progress = drawing.start(context, count)?;
    for (index, done) in (0..count).zip(1..) {
        let recipe = drawing
            .network
            .recipe
            .clone()
            .with("noise-mode", drawing.options.noise_mode.name())
            .with("projected-w", file)
            .with("index", index);
        let ws = ws.clone().narrow(0, index, 1);
        drawing.draw(&format!("proj{index:02}"), ws, index as u64, &recipe)?;
        progress.set(done, "");
    }
    progress.finish();
    Ok(Vec::new())
}

/// What is being drawn, how, and what was written so far.
struct Drawing<'a> {
    options: &'a Generate,
    network: Network,
    /// Seed of random noise where it shall not follow the picture's own.
    noise_seed: Option<u64>,
    files: Vec<String>,
}

impl Drawing<'_> {
    /// Makes the folder, when nothing more can be found wrong with the options.
    fn start(&self, context: &Context, count: usize) -> Outcome<Progress> {
        let folder = &self.options.outdir;
        std::fs::create_dir_all(folder).map_err(at(folder))?;
        Ok(context.console.progress("generate", 0, count as u64))
    }

    /// The truncated latents of a seed.
    fn ws(&self, seed: u64) -> Outcome<Tensor<3>> {
        let Generate {
            trunc,
            trunc_cutoff,
            class,
            ..
        } = *self.options;
        let ws = self.network.ws(seed, class)?;
        let generator = &self.network.generator;
        Ok(generator.truncate(ws, trunc as f32, trunc_cutoff))
    }

    /// How pictures of seeds are made.
    fn recipe(&self) -> Recipe {
        let options = self.options;
        let mut recipe = self
            .network
            .recipe
            .clone()
            .with("trunc", options.trunc)
            .with("noise-mode", options.noise_mode.name());
        if let Some(cutoff) = options.trunc_cutoff {
            recipe = recipe.with("trunc-cutoff", cutoff);
        }
        if let Some(class) = options.class {
            recipe = recipe.with("class", class);
        }
        recipe
    }

    /// Draws `ws [1, num_ws, w_dim]` and writes the file; gives the picture back, for a sheet.
    fn draw(&mut self, name: &str, ws: Tensor<3>, seed: u64, recipe: &Recipe) -> Outcome<RgbImage> {
        let noise = match self.options.noise_mode {
            Noise::Const => NoiseMode::Const,
            Noise::None => NoiseMode::None,
            Noise::Random => NoiseMode::Random {
                seed: self.noise_seed.unwrap_or(seed),
            },
        };
        let images = self.network.generator.synthesis.forward(ws, noise);
        let folder = &self.options.outdir;
        let path = match self.options.format {
            Format::Png => folder.join(format!("{name}.png")),
            Format::Npy => folder.join(format!("{name}.npy")),
        };
        let array = images.clone().squeeze_dim::<3>(0);
        let picture = pixels::to_images(images).pop().ok_or_else(|| {
            Failure::failed("the generator drew nothing").expected("one picture for each latent")
        })?;
        match self.options.format {
            Format::Png => png::write(&path, &picture, recipe)?,
            Format::Npy => npy::write(&path, array)?,
        }
        self.files.push(text(&path));
        Ok(picture)
    }
}
