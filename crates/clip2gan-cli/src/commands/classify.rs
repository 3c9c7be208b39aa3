//! `clip2gan classify`: which of some labels a picture is, without training on any of them (Radford et al. 2021,
//! section 3.1).

use std::fmt::Write;

use burn::tensor::Tensor;
use burn::tensor::activation::softmax;
use clip2gan_clip::{Clip, Tokenizer, normalize};
use image::DynamicImage;
use serde_json::json;

use super::{Context, embed, text};
use crate::args::Classify;
use crate::error::{Failure, Outcome};
use crate::picture;

/// What a template holds in the label's place.
const PLACE: &str = "{}";

/// Prints the labels of each picture with their probabilities, the likeliest first.
pub fn run(context: &Context, options: &Classify) -> Outcome {
    if let Some(template) = options.template.iter().find(|it| !it.contains(PLACE)) {
        return Err(Failure::usage(format!(
            "--template '{template}' has no place for the label"
        ))
        .expected("a sentence with {} in it, such as 'a picture of {}'"));
    }
    let device = context.device()?;
    let folder = embed::model(&options.clip, &options.bundle)?;
    let (clip, tokenizer) = Clip::load(&folder, &device)?;
    let labels = label_features(context, &clip, &tokenizer, options)?;
    let pixels = DynamicImage::ImageRgb8(picture::open(&options.picture)?);
    let image = normalize(clip.encode_image(clip.preprocess(&pixels, &device)));
    let scale = clip.logit_scale.val().exp().unsqueeze::<2>();
    let probabilities = softmax(image.matmul(labels.transpose()) * scale, 1);
    let probabilities: Vec<f32> = probabilities.into_data().iter::<f32>().collect();

    let mut ranked: Vec<(&String, f32)> = options.labels.iter().zip(probabilities).collect();
    ranked.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let mut plain = String::new();
    for (label, probability) in &ranked {
        // Writing to a string cannot fail.
        let _ = writeln!(plain, "{:6.2} %  {label}", 100.0 * probability);
    }
    let list: Vec<_> = ranked
        .iter()
        .map(|(label, probability)| json!({ "label": label, "probability": probability }))
        .collect();
    context.console.answer(
        plain.trim_end(),
        json!({ "picture": text(&options.picture), "labels": list }),
    );
    Ok(())
}

/// `[labels, embed_dim]` of unit length: for each label the mean over all templates.
fn label_features(
    context: &Context,
    clip: &Clip,
    tokenizer: &Tokenizer,
    options: &Classify,
) -> Outcome<Tensor<2>> {
    let mut features = Vec::new();
    for label in &options.labels {
        let sentences: Vec<String> = match options.template.is_empty() {
            true => vec![label.clone()],
            false => {
                let templates = options.template.iter();
                templates.map(|it| it.replace(PLACE, label)).collect()
            }
        };
        let (feature, tokens) = clip.encode_sentences(tokenizer, &sentences)?;
        context.notes(&embed::notes(clip, tokens));
        features.push(normalize(normalize(feature).mean_dim(0)));
    }
    Ok(Tensor::cat(features, 0))
}
