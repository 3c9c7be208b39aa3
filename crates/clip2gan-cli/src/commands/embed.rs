//! `clip2gan embed`: pictures and texts in CLIP's space, and how near they are to each other.

use std::fmt::Write;
use std::path::PathBuf;

use clip2gan::Note;
use clip2gan_clip::{Clip, Tokens, normalize};
use image::DynamicImage;
use serde_json::json;

use super::{Context, text};
use crate::args::{BundleArg, Embed};
use crate::error::{Failure, Outcome};
use crate::{bundle, picture};

struct Item {
    kind: &'static str,
    name: String,
    feature: Vec<f32>,
    notes: Vec<Note>,
}

/// Embeds everything and prints the features (`--json`) or their cosines.
pub fn run(context: &Context, options: &Embed) -> Outcome {
    if options.image.is_empty() && options.text.is_empty() {
        return Err(
            Failure::usage("nothing to embed").expected("at least one --image FILE or --text TEXT")
        );
    }
    let device = context.device()?;
    let folder = model(&options.clip, &options.bundle)?;
    let (clip, tokenizer) = Clip::load(&folder, &device)?;
    let mut items = Vec::new();
    for path in &options.image {
        let pixels = clip.preprocess(&DynamicImage::ImageRgb8(picture::open(path)?), &device);
        items.push(Item {
            kind: "image",
            name: text(path),
            feature: values(clip.encode_image(pixels)),
            notes: Vec::new(),
        });
    }
    for sentence in &options.text {
        let (feature, tokens) = clip.encode_sentences(&tokenizer, &[sentence])?;
        let notes = notes(&clip, tokens);
        context.notes(&notes);
        items.push(Item {
            kind: "text",
            name: sentence.clone(),
            feature: values(feature),
            notes,
        });
    }
    let list: Vec<_> = items
        .iter()
        .map(|item| {
            json!({ "kind": item.kind, "name": item.name, "notes": item.notes, "feature": item.feature })
        })
        .collect();
    context
        .console
        .answer(table(&items).trim_end(), json!({ "features": list }));
    Ok(())
}

/// The model's folder: the one that was named, or the bundle's.
pub fn model(clip: &Option<PathBuf>, which: &BundleArg) -> Outcome<PathBuf> {
    match clip {
        Some(folder) => Ok(folder.clone()),
        None => Ok(bundle::find(which.bundle.as_deref())?.join("clip")),
    }
}

/// What to know about sentences.
pub fn notes(clip: &Clip, tokens: Vec<Tokens>) -> Vec<Note> {
    let mut notes = Vec::new();
    for tokens in tokens {
        if !tokens.unknown_words.is_empty() {
            notes.push(Note::UnknownWords(tokens.unknown_words));
        }
        if tokens.truncated {
            let context_length = clip.config().text.context_length;
            notes.push(Note::Truncated { context_length });
        }
    }
    notes
}

fn values(feature: burn::tensor::Tensor<2>) -> Vec<f32> {
    normalize(feature).into_data().iter::<f32>().collect()
}

/// Every cosine, a row an item.
fn table(items: &[Item]) -> String {
    let mut table = String::from("cosines\n");
    for (row, item) in items.iter().enumerate() {
        for other in &items[..=row] {
            let pairs = item.feature.iter().zip(&other.feature);
            let cosine: f32 = pairs.map(|(a, b)| a * b).sum();
            // Writing to a string cannot fail.
            let _ = write!(table, "{cosine:7.3}");
        }
        let _ = writeln!(table, "  {} {}", item.kind, item.name);
    }
    table
}
