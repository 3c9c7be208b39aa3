//! `clip2gan embed`: pictures and texts in CLIP's space, and how near they are to each other.

use std::fmt::Write;

use burn::tensor::Tensor;
use clip2gan::Note;
use clip2gan_clip::{Clip, Tokens};
use serde_json::json;

use super::{Context, features, text};
use crate::args::Embed;
use crate::error::{Failure, Outcome};
use crate::npy;

/// More items than these make no table that anybody reads.
const TABLE: usize = 24;

/// A row of the features.
struct Item {
    kind: &'static str,
    name: String,
    notes: Vec<Note>,
}

/// Embeds everything; prints the features (`--json`) or their cosines, or writes them to a file (`--npy`) and prints what its
/// rows are.
pub fn run(context: &Context, options: &Embed) -> Outcome {
    let files = features::picture_files(&options.image)?;
    let mut texts = options.text.clone();
    for path in &options.texts {
        texts.extend(features::lines(path)?);
    }
    if files.is_empty() && texts.is_empty() {
        return Err(Failure::usage("nothing to embed")
            .expected("at least one --image PATH, --text TEXT or --texts FILE with a line in it"));
    }
    let device = context.device()?;
    let (clip, tokenizer) = features::model(&options.clip, &device)?;

    let (mut items, mut parts) = (Vec::new(), Vec::new());
    if !files.is_empty() {
        parts.push(features::of_pictures(context, &clip, &files, &device)?);
        items.extend(files.iter().map(|path| Item {
            kind: "image",
            name: text(path),
            notes: Vec::new(),
        }));
    }
    if !texts.is_empty() {
        let (feature, tokens) = features::of_texts(context, (&clip, &tokenizer), &texts)?;
        parts.push(feature);
        for (name, tokens) in texts.into_iter().zip(tokens) {
            let notes = notes(&clip, vec![tokens]);
            context.notes(&notes);
            items.push(Item {
                kind: "text",
                name,
                notes,
            });
        }
    }
    let features = Tensor::cat(parts, 0);
    match &options.npy {
        Some(path) => {
            npy::write(path, features)?;
            answer(context, &items, None, &rows(&items));
        }
        None if items.len() > TABLE => {
            let plain = format!(
                "{} features of {} numbers: --json prints them, --npy FILE writes them",
                items.len(),
                clip.config().embed_dim
            );
            answer(context, &items, Some(features), &plain);
        }
        None => {
            let table = table(&items, features.clone());
            answer(context, &items, Some(features), &table);
        }
    }
    Ok(())
}

/// Prints for people or for a machine; the features where they are not in a file.
fn answer(context: &Context, items: &[Item], features: Option<Tensor<2>>, plain: &str) {
    let width = features.as_ref().map_or(0, |features| features.dims()[1]);
    let values: Vec<f32> = match features {
        Some(features) => features.into_data().iter::<f32>().collect(),
        None => Vec::new(),
    };
    let list: Vec<_> = items
        .iter()
        .enumerate()
        .map(|(row, item)| {
            let mut entry = json!({ "kind": item.kind, "name": item.name, "notes": item.notes });
            if width > 0 {
                entry["feature"] = json!(values[row * width..][..width]);
            }
            entry
        })
        .collect();
    context
        .console
        .answer(plain.trim_end(), json!({ "features": list }));
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

/// What the rows of a file are, a line each.
fn rows(items: &[Item]) -> String {
    let lines = items
        .iter()
        .enumerate()
        .map(|(row, item)| format!("{row} {} {}\n", item.kind, item.name));
    lines.collect()
}

/// Every cosine, a row an item.
fn table(items: &[Item], features: Tensor<2>) -> String {
    let cosines = features.clone().matmul(features.transpose()).into_data();
    let cosines: Vec<f32> = cosines.iter::<f32>().collect();
    let mut table = String::from("cosines\n");
    for (row, item) in items.iter().enumerate() {
        for cosine in &cosines[row * items.len()..][..=row] {
            // Writing to a string cannot fail.
            let _ = write!(table, "{cosine:7.3}");
        }
        let _ = writeln!(table, "  {} {}", item.kind, item.name);
    }
    table
}
