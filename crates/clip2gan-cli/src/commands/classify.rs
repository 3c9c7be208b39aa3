//! `clip2gan classify`: which of some labels a picture is, without training on any of them (Radford et al. 2021,
//! section 3.1).

use burn::tensor::Tensor;
use burn::tensor::activation::softmax;
use clip2gan_clip::{Clip, Tokenizer, normalize};
use serde_json::json;

use super::{Context, embed, features, text};
use crate::args::Classify;
use crate::error::{Failure, Outcome};

/// What a template holds in the label's place.
const PLACE: &str = "{}";

/// Prints the labels of a picture with their probabilities, the likeliest first; of many pictures, the likeliest of each.
pub fn run(context: &Context, options: &Classify) -> Outcome {
    if let Some(template) = options.template.iter().find(|it| !it.contains(PLACE)) {
        return Err(Failure::usage(format!(
            "--template '{template}' has no place for the label"
        ))
        .expected("a sentence with {} in it, such as 'a picture of {}'"));
    }
    let files = features::picture_files(std::slice::from_ref(&options.picture))?;
    let device = context.device()?;
    let (clip, tokenizer) = features::model(&options.clip, &device)?;
    let labels = label_features(context, &clip, &tokenizer, options)?;
    let images = features::of_pictures(context, &clip, &files, &device)?;
    let scale = clip.logit_scale.val().exp().unsqueeze::<2>();
    let probabilities = softmax(images.matmul(labels.transpose()) * scale, 1).into_data();
    let probabilities: Vec<f32> = probabilities.iter::<f32>().collect();

    for (file, probabilities) in files.iter().zip(probabilities.chunks(options.labels.len())) {
        let mut ranked: Vec<(&String, f32)> = options
            .labels
            .iter()
            .zip(probabilities.iter().copied())
            .collect();
        ranked.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        let line = |(label, probability): &(&String, f32)| {
            format!("{:6.2} %  {label}", 100.0 * probability)
        };
        let plain = match options.picture.is_dir() {
            true => format!(
                "{}  {}",
                ranked.first().map(line).unwrap_or_default(),
                file.display()
            ),
            false => ranked.iter().map(line).collect::<Vec<_>>().join("\n"),
        };
        let list: Vec<_> = ranked
            .iter()
            .map(|(label, probability)| json!({ "label": label, "probability": probability }))
            .collect();
        context
            .console
            .answer(plain, json!({ "picture": text(file), "labels": list }));
    }
    Ok(())
}

/// `[labels, embed_dim]` of unit length: for each label the mean over all templates.
fn label_features(
    context: &Context,
    clip: &Clip,
    tokenizer: &Tokenizer,
    options: &Classify,
) -> Outcome<Tensor<2>> {
    let places = [PLACE.to_owned()];
    let templates = match options.template.is_empty() {
        true => &places[..],
        false => &options.template,
    };
    let sentences: Vec<String> = options
        .labels
        .iter()
        .flat_map(|label| templates.iter().map(move |it| it.replace(PLACE, label)))
        .collect();
    let (features, tokens) = features::of_texts(context, (clip, tokenizer), &sentences)?;
    context.notes(&embed::notes(clip, tokens));
    let [_, width] = features.dims();
    let features = features.reshape([options.labels.len(), templates.len(), width]);
    Ok(normalize(features.mean_dim(1).squeeze_dim(1)))
}
