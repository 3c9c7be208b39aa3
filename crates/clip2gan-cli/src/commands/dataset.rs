//! `clip2gan dataset`: pictures of the avatar data set, to look at.

use crate::args::Dataset;
use crate::commands::Context;
use crate::error::Outcome;

/// Writes a folder of PNGs with `captions.jsonl`.
#[cfg(feature = "avatars")]
pub fn run(context: &Context, options: &Dataset) -> Outcome {
    use clip2gan_data::{AvatarConfig, AvatarDataset, write_folder};

    let seed = context.seed();
    let count = options.count;
    let dataset = AvatarDataset::new(AvatarConfig {
        resolution: options.resolution,
        seed,
        len: count as usize,
        ..AvatarConfig::default()
    })?;
    let start = std::time::Instant::now();
    write_folder(&dataset, &options.out, count as usize)?;
    let seconds = start.elapsed().as_secs_f64();
    let folder = super::text(&options.out);
    context.console.done(
        format_args!("{folder} ({count} pictures, seed {seed}, drawn in {seconds:.2} s)"),
        serde_json::json!({ "folder": folder, "count": count, "seed": seed, "seconds": seconds }),
    );
    Ok(())
}

/// Without the drawings there is nothing to write.
#[cfg(not(feature = "avatars"))]
pub fn run(_: &Context, _: &Dataset) -> Outcome {
    Err(crate::train::data::without_avatars())
}
