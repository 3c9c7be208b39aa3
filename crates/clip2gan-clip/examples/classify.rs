//! Which of some labels a picture is, without training on any of them:
//!
//! ```sh
//! cargo run --release -p clip2gan-clip --example classify -- assets/clip portrait.png "red hair" "black hair"
//! ```

use std::error::Error;

use burn::tensor::Device;
use burn::tensor::activation::softmax;
use clip2gan_clip::{Clip, normalize, open_picture};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, picture, labels @ ..] = &arguments[..] else {
        return Err("expected: MODEL PICTURE LABEL…".into());
    };
    let device = Device::flex();
    let (clip, tokenizer) = Clip::load(model, &device)?;
    let pixels = clip.preprocess(&open_picture(picture)?, &device);
    let image = normalize(clip.encode_image(pixels));
    let sentences: Vec<String> = labels
        .iter()
        .map(|label| format!("a person with {label}"))
        .collect();
    let (text, _) = clip.encode_sentences(&tokenizer, &sentences)?;
    let scale = clip.logit_scale.val().exp().unsqueeze::<2>();
    let probabilities = softmax(image.matmul(normalize(text).transpose()) * scale, 1);
    for (label, probability) in labels.iter().zip(probabilities.into_data().iter::<f32>()) {
        println!("{:6.2} %  {label}", 100.0 * probability);
    }
    Ok(())
}
