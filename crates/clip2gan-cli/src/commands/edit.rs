//! `clip2gan edit`: a picture changed as a sentence says.

use std::time::Instant;

use clip2gan::{EditOptions, png};
use serde_json::json;

use super::{Context, text};
use crate::args::Edit;
use crate::error::Outcome;
use crate::picture;

/// Reads, edits, writes and reports.
pub fn run(context: &Context, options: &Edit) -> Outcome {
    picture::check_target(&options.out)?;
    let photo = picture::open(&options.picture)?;
    let bundle = context.bundle(&options.bundle)?;
    let start = Instant::now();
    let edited = bundle.edit(
        &photo,
        &EditOptions {
            strength: options.strength,
            neutral: options.neutral.clone(),
            seed: context.seed(),
            ..EditOptions::new(&options.prompt)
        },
    )?;
    let seconds = start.elapsed().as_secs_f64();
    context.notes(&edited.notes);
    let recipe = edited.recipe.with("picture", text(&options.picture));
    png::write(&options.out, &edited.image, &recipe)?;
    context.console.done(
        format_args!(
            "{} (seed {}, drawn in {seconds:.2} s)",
            text(&options.out),
            recipe.seed.unwrap_or_default(),
        ),
        json!({
            "files": [text(&options.out)],
            "seeds": [recipe.seed],
            "seconds": seconds,
            "notes": edited.notes,
            "recipes": [recipe],
        }),
    );
    Ok(())
}
