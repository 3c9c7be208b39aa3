//! `clip2gan sheets`: the pictures of the model card, all made by one command.

use clip2gan::{EditOptions, Recipe, SampleOptions, png};
use image::RgbImage;
use serde_json::json;

use super::{Context, text};
use crate::args::Sheets;
use crate::error::{Outcome, at};
use crate::picture;

/// What the first sheet shows, four seeds of each.
const PROMPTS: [&str; 16] = [
    "a smiling person with long red hair and round glasses",
    "a person with short black hair in a blue shirt",
    "a dark-skinned person in a yellow sweater",
    "a pale-skinned person with blond hair",
    "somebody with pink curly hair",
    "a person with a bald head in a white shirt",
    "a bearded person in a grey hoodie",
    "a person wearing black sunglasses and a red hoodie",
    "a person with long brown hair in a green jacket",
    "a brown-skinned person with purple hair",
    "a person wearing a hat",
    "a person with blue hair in an orange shirt",
    "a sad person in a black sweater",
    "a person on a yellow background",
    "a light-skinned person with a moustache and brown hair",
    "a tan-skinned person in pink overalls",
];
/// What the second sheet changes.
const EDITS: [&str; 8] = [
    "a person with pink hair",
    "a person with black hair",
    "a bald person",
    "a person wearing sunglasses",
    "a person with a beard",
    "a dark-skinned person",
    "a person in a red shirt",
    "a person with long hair",
];
/// How far.
const STRENGTHS: [f64; 4] = [0.0, 0.5, 1.0, 1.5];

/// Writes both sheets and prints what they show.
pub fn run(context: &Context, options: &Sheets) -> Outcome {
    let bundle = context.bundle(&options.bundle)?;
    std::fs::create_dir_all(&options.out).map_err(at(&options.out))?;
    let seed = context.seed.unwrap_or(0);

    let mut rows = Vec::new();
    for prompt in PROMPTS {
        let sampled = bundle.sample(&SampleOptions {
            count: 4,
            ..SampleOptions::new(prompt, seed)
        })?;
        context.notes(&sampled.notes);
        rows.push(sampled.images);
    }
    // The first half of the prompts at the left, the second at the right.
    let (left, right) = rows.split_at(PROMPTS.len() / 2);
    let cells = left.iter().zip(right).flat_map(|(left, right)| {
        let left = left.iter().cloned().map(Some);
        left.chain([None]).chain(right.iter().cloned().map(Some))
    });
    let prompts = picture::grid(&cells.collect::<Vec<_>>(), 9);

    let mut cells: Vec<Option<RgbImage>> = Vec::new();
    for (edit, photo) in EDITS
        .iter()
        .zip(photos(context, EDITS.len(), bundle.resolution())?)
    {
        cells.push(Some(photo.clone()));
        for strength in STRENGTHS {
            let edited = bundle.edit(
                &photo,
                &EditOptions {
                    strength: Some(strength),
                    seed,
                    ..EditOptions::new(*edit)
                },
            )?;
            context.notes(&edited.notes);
            cells.push(Some(edited.image));
        }
    }
    let edits = picture::grid(&cells, 1 + STRENGTHS.len());

    let recipe = |shown: &[&str]| {
        let mut recipe = Recipe::new("sheets", &bundle.manifest.name, bundle.hash());
        recipe.seed = Some(seed);
        recipe.with("prompts", json!(shown))
    };
    let files = ["prompts.png", "edits.png"].map(|name| options.out.join(name));
    png::write(&files[0], &prompts, &recipe(&PROMPTS))?;
    png::write(
        &files[1],
        &edits,
        &recipe(&EDITS).with("strengths", json!(STRENGTHS)),
    )?;
    let list = |shown: &[&str]| -> String {
        let lines = (1..)
            .zip(shown)
            .map(|(n, prompt)| format!("{n}. {prompt}\n"));
        lines.collect()
    };
    let [one, two] = files.each_ref().map(|path| text(path));
    context.console.answer(
        format_args!("{one}\n{}\n{two}\n{}", list(&PROMPTS), list(&EDITS)),
        json!({ "files": [one, two], "prompts": PROMPTS, "edits": EDITS }),
    );
    Ok(())
}

/// Held-out drawings to be changed.
#[cfg(feature = "avatars")]
fn photos(context: &Context, count: usize, resolution: usize) -> Outcome<Vec<RgbImage>> {
    use clip2gan::pixels;
    use clip2gan_data::{AvatarConfig, AvatarDataset, Split, sample_batch};

    use crate::train::data::pictures;

    let dataset = AvatarDataset::new(AvatarConfig {
        resolution: resolution as u32,
        seed: 1,
        len: count,
        split: Split::HeldOut,
        ..AvatarConfig::default()
    })?;
    let batch = sample_batch(&dataset, &(0..count).collect::<Vec<_>>())?;
    Ok(pixels::to_images(pictures(batch, &context.device()?)))
}

/// Without the drawings there is nothing to change.
#[cfg(not(feature = "avatars"))]
fn photos(_: &Context, _: usize, _: usize) -> Outcome<Vec<RgbImage>> {
    Err(crate::train::data::without_avatars())
}
