//! The pictures of a folder in the order of how well a sentence describes them:
//!
//! ```sh
//! cargo run --release -p clip2gan-clip --example embed -- assets/clip pictures "a person with red hair"
//! ```

use std::error::Error;
use std::fs;

use burn::tensor::{Device, Tensor};
use clip2gan_clip::{Clip, normalize, open_picture};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, folder, sentence] = &arguments[..] else {
        return Err("expected: MODEL FOLDER SENTENCE".into());
    };
    let device = Device::flex();
    let (clip, tokenizer) = Clip::load(model, &device)?;
    let mut files = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>, std::io::Error>>()?;
    files.retain(|file| {
        file.extension()
            .is_some_and(|it| it == "png" || it == "jpg")
    });
    let mut features = Vec::new();
    for batch in files.chunks(32) {
        let pixels = batch
            .iter()
            .map(|file| Ok(clip.preprocess(&open_picture(file)?, &device)))
            .collect::<Result<Vec<_>, clip2gan_clip::Error>>()?;
        features.push(normalize(clip.encode_image(Tensor::cat(pixels, 0))));
    }
    if features.is_empty() {
        return Err(format!("{folder}: no pictures").into());
    }
    let (text, _) = clip.encode_sentences(&tokenizer, &[sentence])?;
    let cosines = Tensor::cat(features, 0).matmul(normalize(text).transpose());
    let cosines: Vec<f32> = cosines.into_data().iter::<f32>().collect();
    let mut ranked: Vec<_> = files.iter().zip(cosines).collect();
    ranked.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    for (file, cosine) in ranked {
        println!("{cosine:6.3}  {}", file.display());
    }
    Ok(())
}
