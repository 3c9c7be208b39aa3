//! Properties of the model and of its files.

use burn::tensor::{Device, Int, Tensor, TensorData};
use clip2gan_clip::{Clip, ClipConfig, Layers, Tokenizer, normalize};
use clip2gan_weights::{Array, Dtype, read_safetensors, write_safetensors};

fn config() -> ClipConfig {
    let mut config = ClipConfig::avatars();
    config.text.vocab_size = 540;
    config.text.layers = 2;
    config.vision.layers = Layers::Transformer(2);
    config
}

fn tokenizer() -> Tokenizer {
    let captions = [
        "a person with red hair",
        "a person with a red hat",
        "sad person, grey hair",
    ];
    Tokenizer::train(&captions, 540).unwrap()
}

#[test]
fn shapes() {
    let device = Device::flex();
    let clip = config().init(&device);
    assert_eq!(
        clip.encode_image(Tensor::zeros([3, 3, 64, 64], &device))
            .dims(),
        [3, 128]
    );
    let (features, tokens) = clip
        .encode_sentences(&tokenizer(), &["red hat", "a dragon"])
        .unwrap();
    assert_eq!(features.clone().dims(), [2, 128]);
    assert_eq!(tokens[1].unknown_words, ["dragon"]);
    let length: f32 = normalize(features).square().sum().into_scalar();
    assert!((length - 2.0).abs() < 1e-4);
    assert!(clip.encode_sentences(&tokenizer(), &[] as &[&str]).is_err());
}

/// Sentences are encoded in groups of similar length; the order and the values must not show it.
#[test]
fn a_sentence_is_encoded_alike_in_any_company() {
    let device = Device::flex();
    let clip = config().init(&device);
    let tokenizer = tokenizer();
    let sentences: Vec<String> = (0..40).map(|i| "red hat ".repeat(i * 7 % 20)).collect();
    let (all, _) = clip.encode_sentences(&tokenizer, &sentences).unwrap();
    for i in [0, 1, 17, 39] {
        let (alone, _) = clip
            .encode_sentences(&tokenizer, &sentences[i..=i])
            .unwrap();
        let difference: f32 = (all.clone().slice_dim(0, i..i + 1) - alone)
            .abs()
            .max()
            .into_scalar();
        assert!(difference < 1e-5, "{i}: {difference}");
    }
}

/// Tokens before the end token matter, tokens after it don't: the mask is causal and the feature is the end token's.
#[test]
fn the_mask_is_causal_and_the_end_token_is_pooled() {
    let device = Device::flex();
    let clip = config().init(&device);
    let encode = |ids: [i32; 6]| {
        let ids = Tensor::<2, Int>::from_data(TensorData::new(ids.to_vec(), [1, 6]), &device);
        clip.encode_text(ids)
    };
    let apart = |a: Tensor<2>, b: Tensor<2>| (a - b).abs().max().into_scalar::<f32>();
    let base = [538, 7, 8, 539, 0, 0];
    assert!(apart(encode(base), encode([538, 7, 8, 539, 11, 12])) < 1e-6);
    assert!(apart(encode(base), encode([538, 7, 8, 539, 539, 3])) < 1e-6);
    assert!(apart(encode(base), encode([538, 7, 9, 539, 0, 0])) > 1e-3);
    assert!(apart(encode(base), encode([538, 8, 7, 539, 0, 0])) > 1e-3);
}

#[test]
fn seeds_decide_the_initial_values() {
    let device = Device::flex();
    let a = config().init_seeded(1, &device).to_arrays();
    assert_eq!(a, config().init_seeded(1, &device).to_arrays());
    assert_ne!(a, config().init_seeded(2, &device).to_arrays());
}

#[test]
fn a_folder_gives_the_model_back() {
    let device = Device::flex();
    let dir = tempfile::tempdir().unwrap();
    let clip = config().init(&device);
    clip.save(dir.path(), &tokenizer(), Dtype::F32).unwrap();
    let (loaded, loaded_tokenizer) = Clip::load(dir.path(), &device).unwrap();
    assert_eq!(loaded.to_arrays(), clip.to_arrays());
    assert_eq!(loaded.config(), clip.config());
    let text = "a red person";
    assert_eq!(
        loaded_tokenizer.encode(text, 32).unwrap(),
        tokenizer().encode(text, 32).unwrap()
    );

    clip.save(dir.path(), &tokenizer(), Dtype::F16).unwrap();
    let (half, _) = Clip::load(dir.path(), &device).unwrap();
    let pixels = Tensor::ones([1, 3, 64, 64], &device);
    let [a, b] = [clip, half].map(|c| normalize(c.encode_image(pixels.clone())));
    let difference: f32 = (a - b).abs().max().into_scalar();
    assert!(difference > 0.0 && difference < 2e-3, "{difference}");
}

#[test]
fn wrong_keys_and_shapes_are_named() {
    let device = Device::flex();
    let dir = tempfile::tempdir().unwrap();
    config()
        .init(&device)
        .save(dir.path(), &tokenizer(), Dtype::F32)
        .unwrap();
    let path = dir.path().join("model.safetensors");
    let (arrays, metadata) = read_safetensors(&path).unwrap();
    let message = |change: &dyn Fn(&mut clip2gan_weights::Arrays)| {
        let mut arrays = arrays.clone();
        change(&mut arrays);
        write_safetensors(&path, &arrays, &metadata).unwrap();
        Clip::load(dir.path(), &device).unwrap_err().to_string()
    };
    let key = "visual.transformer.resblocks.1.attn.in_proj_weight";
    let missing = message(&|arrays| drop(arrays.remove(key)));
    assert!(missing.contains(key), "{missing}");
    let extra =
        message(&|arrays| drop(arrays.insert("head.weight".into(), Array::from_f32([1], &[0.0]))));
    assert!(extra.contains("head.weight"), "{extra}");
    let misshapen =
        message(&|arrays| drop(arrays.insert(key.into(), Array::from_f32([2, 3], &[0.0; 6]))));
    assert!(
        misshapen.contains(key) && misshapen.contains("[2, 3]") && misshapen.contains("[384, 128]"),
        "{misshapen}"
    );
}

#[test]
fn a_bad_configuration_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.json");
    for (text, expected) in [("{", "EOF"), (r#"{"colour": 1}"#, "colour")] {
        std::fs::write(&path, text).unwrap();
        let message = ClipConfig::load(&path).unwrap_err().to_string();
        assert!(
            message.contains(expected) && message.contains("config.json"),
            "{message}"
        );
    }
}

/// 6,000 strings of all scripts, with markup, control characters and very long words; see `fixtures/tokens/make.py`.
#[test]
fn tokens_are_the_references() {
    let tokenizer = Tokenizer::openai().unwrap();
    assert_eq!(tokenizer.vocab_size(), 49408);
    let mut wrong = Vec::new();
    let lines = include_str!("fixtures/tokens/tokens.jsonl").lines();
    for line in lines.clone() {
        let (text, expected): (String, Vec<u32>) = serde_json::from_str(line).unwrap();
        let tokens = tokenizer.encode(&text, 4096).unwrap();
        let found = &tokens.ids[1..tokens.length - 1];
        if found != expected {
            wrong.push((text, expected, found.to_vec()));
        }
    }
    assert_eq!(lines.count(), 6000);
    let shown = &wrong[..wrong.len().min(5)];
    assert!(wrong.is_empty(), "{} differ: {shown:?}", wrong.len());
    let hello = tokenizer.encode("hello world", 77).unwrap();
    assert_eq!(hello.ids[..4], [49406, 3306, 1002, 49407]);
}
