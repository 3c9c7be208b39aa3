//! `clip2gan sample`: pictures of a sentence.

use std::path::PathBuf;
use std::time::Instant;

use clip2gan::{SampleOptions, Sampled, png};
use serde_json::json;

use super::{Context, text};
use crate::args::Sample;
use crate::error::Outcome;
use crate::picture;

/// Draws, writes and reports.
pub fn run(context: &Context, options: &Sample) -> Outcome {
    picture::check_target(&options.out)?;
    let bundle = context.bundle(&options.bundle)?;
    let start = Instant::now();
    let sampled = bundle.sample(&SampleOptions {
        prompt: options.prompt.clone(),
        count: options.count as usize,
        seed: context.seed(),
        truncation: options.truncation,
        feature_noise: options.feature_noise,
        neighbours: options.neighbours,
    })?;
    let seconds = start.elapsed().as_secs_f64();
    context.notes(&sampled.notes);
    let seeds: Vec<u64> = sampled
        .recipes
        .iter()
        .filter_map(|recipe| recipe.seed)
        .collect();
    let files = write(&sampled, options)?;
    let files: Vec<String> = files.iter().map(|path| text(path)).collect();
    let told = match &seeds[..] {
        [first, .., last] => format!("seeds {first} to {last}"),
        seeds => format!("seed {}", seeds.first().unwrap_or(&0)),
    };
    context.console.done(
        format_args!("{} ({told}, drawn in {seconds:.2} s)", files.join(" ")),
        json!({
            "files": files,
            "seeds": seeds,
            "seconds": seconds,
            "notes": sampled.notes,
            "recipes": sampled.recipes,
        }),
    );
    Ok(())
}

fn write(sampled: &Sampled, options: &Sample) -> Outcome<Vec<PathBuf>> {
    let Sampled {
        images, recipes, ..
    } = sampled;
    if options.separate {
        let mut files = Vec::new();
        for (image, recipe) in images.iter().zip(recipes) {
            let path = picture::numbered(&options.out, recipe.seed.unwrap_or_default());
            png::write(&path, image, recipe)?;
            files.push(path);
        }
        return Ok(files);
    }
    if let (Some(image), Some(recipe)) = (images.first(), recipes.first()) {
        match images.len() {
            1 => png::write(&options.out, image, recipe)?,
            count => {
                let recipe = recipe.clone().with("count", count);
                png::write(&options.out, &picture::sheet(images), &recipe)?;
            }
        }
    }
    Ok(vec![options.out.clone()])
}
