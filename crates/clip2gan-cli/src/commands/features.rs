//! Many pictures and texts through CLIP, a batch at a time.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use clip2gan_clip::{Clip, Tokenizer, Tokens, normalize, open_picture, preprocess};
use rayon::prelude::*;

use super::Context;
use crate::args::ClipArg;
use crate::error::{Failure, Outcome};
use crate::{bundle, hub};

/// Pictures or texts that go through CLIP together.
const BATCH: usize = 32;

/// The model that was named, or the bundle's.
pub fn model(options: &ClipArg, device: &Device) -> Outcome<(Clip, Tokenizer)> {
    let folder = match &options.clip {
        Some(model) => hub::resolve(model)?,
        None => bundle::find(options.bundle.bundle.as_deref())?.join("clip"),
    };
    let (clip, tokenizer) = Clip::load(folder, device)?;
    let clip = match options.image_size {
        Some(size) => clip.with_image_size(size)?,
        None => clip,
    };
    Ok((clip, tokenizer))
}

/// The pictures that paths name: files as they are, folders with all that is in them.
pub fn picture_files(paths: &[PathBuf]) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let inside = clip2gan_data::picture_files(path)?;
        if inside.is_empty() {
            return Err(Failure::failed(format!("{}: no pictures", path.display()))
                .expected("a folder with PNG, JPEG or WebP files"));
        }
        files.extend(inside);
    }
    Ok(files)
}

/// Features `[files, embed_dim]` of unit length.
pub fn of_pictures(
    context: &Context,
    clip: &Clip,
    files: &[PathBuf],
    device: &Device,
) -> Outcome<Tensor<2>> {
    let size = clip.config().vision.image_size;
    let read =
        |path: &PathBuf| open_picture(path).map(|picture| preprocess(&picture, size, device));
    in_batches(context, "pictures", files, |batch| {
        let pixels = batch.par_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(clip.encode_image(clip.normalize_pixels(Tensor::cat(pixels, 0))))
    })
}

/// Features `[texts, embed_dim]` of unit length, and what to know of each text.
pub fn of_texts(
    context: &Context,
    (clip, tokenizer): (&Clip, &Tokenizer),
    texts: &[String],
) -> Outcome<(Tensor<2>, Vec<Tokens>)> {
    let mut known = Vec::with_capacity(texts.len());
    let features = in_batches(context, "texts", texts, |batch| {
        let (features, tokens) = clip.encode_sentences(tokenizer, batch)?;
        known.extend(tokens);
        Ok(features)
    })?;
    Ok((features, known))
}

fn in_batches<T>(
    context: &Context,
    what: &str,
    items: &[T],
    mut encode: impl FnMut(&[T]) -> Outcome<Tensor<2>>,
) -> Outcome<Tensor<2>> {
    // One batch is done before anybody could look at a bar.
    let mut progress =
        (items.len() > BATCH).then(|| context.console.progress(what, 0, items.len() as u64));
    let mut features = Vec::new();
    for (batch, done) in items.chunks(BATCH).zip((BATCH..).step_by(BATCH)) {
        features.push(normalize(encode(batch)?));
        if let Some(progress) = &mut progress {
            progress.set(done.min(items.len()) as u64, "");
        }
    }
    if let Some(progress) = progress {
        progress.finish();
    }
    Ok(Tensor::cat(features, 0))
}

/// The lines of a file that are not blank.
pub fn lines(path: &Path) -> Outcome<Vec<String>> {
    let text = std::fs::read_to_string(path).map_err(crate::error::at(path))?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    Ok(lines.map(str::to_owned).collect())
}
