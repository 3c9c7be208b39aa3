//! Models of other implementations, made by `fixtures/checkpoints/make.py`: the same features, layer by layer.

use std::path::PathBuf;

use burn::tensor::{Device, Int, Tensor, TensorData};
use clip2gan_clip::{Clip, Error, ImageEncoder};
use clip2gan_weights::{Arrays, read_safetensors, write_safetensors};

fn fixture(name: &str) -> PathBuf {
    let root = env!("CARGO_MANIFEST_DIR");
    PathBuf::from(format!("{root}/tests/fixtures/checkpoints/{name}"))
}

fn golden() -> Arrays {
    read_safetensors(fixture("golden.safetensors")).unwrap().0
}

fn tensor<const D: usize>(golden: &Arrays, key: &str) -> Tensor<D> {
    let array = &golden[key];
    let data = TensorData::new(array.to_f32(), array.shape.clone());
    Tensor::from_data(data, &Device::flex())
}

fn ids(golden: &Arrays, key: &str) -> Tensor<2, Int> {
    let array = &golden[key];
    let values: Vec<i32> = array.to_i64().iter().map(|&id| id as i32).collect();
    let data = TensorData::new(values, array.shape.clone());
    Tensor::from_data(data, &Device::flex())
}

fn assert_close<const D: usize>(found: Tensor<D>, golden: &Arrays, key: &str) {
    assert_eq!(found.dims().to_vec(), golden[key].shape, "{key}");
    let found: Vec<f32> = found.into_data().try_into_vec().unwrap();
    let expected = golden[key].to_f32();
    let largest = expected.iter().fold(1e-12_f32, |max, x| max.max(x.abs()));
    let pairs = found.iter().zip(&expected);
    let error = pairs.fold(0.0_f32, |max, (a, b)| max.max((a - b).abs())) / largest;
    assert!(error <= 1e-4, "{key}: relative error {error:e}");
}

fn load(name: &str) -> Clip {
    Clip::load_model(fixture(name), &Device::flex()).unwrap()
}

#[test]
fn features_are_those_of_the_reference() {
    let golden = golden();
    for (file, name) in [
        ("hugging_face", "hugging_face"),
        ("hugging_face_gelu", "hugging_face_gelu"),
        ("open_clip", "open_clip"),
        ("open_clip_quick", "open_clip_quick"),
        ("openai.pt", "openai"),
        ("openai_resnet.pt", "openai_resnet"),
    ] {
        let clip = load(file);
        let image = clip.encode_image(tensor(&golden, "pixels"));
        assert_close(image, &golden, &format!("{name}.image"));
        // Whichever token a text is padded with, the first end token counts.
        for padding in ["ids", "ids_end"] {
            let text = clip.encode_text(ids(&golden, padding));
            assert_close(text, &golden, &format!("{name}.text"));
        }
    }
}

#[test]
fn hidden_states_agree_layer_by_layer() {
    let golden = golden();
    for (file, name, padded) in [
        ("hugging_face", "hugging_face", "ids_end"),
        ("hugging_face_gelu", "hugging_face_gelu", "ids_end"),
        ("open_clip", "open_clip", "ids"),
        ("open_clip_quick", "open_clip_quick", "ids"),
        ("openai.pt", "openai", "ids"),
        ("openai_resnet.pt", "openai_resnet", "ids"),
    ] {
        let clip = load(file);
        let pixels = tensor(&golden, "pixels");
        let mut compared = 0;
        let mut compare = |states: Vec<Tensor<3>>, what: &str| {
            for (layer, state) in states.into_iter().enumerate() {
                let key = format!("{name}.{what}.{layer}");
                match golden.get(&key).map(|array| array.shape.len()) {
                    None => continue,
                    // Channels come first in a residual network of the reference.
                    Some(4) => {
                        let [n, c, h, w] = tensor::<4>(&golden, &key).dims();
                        let state = state.swap_dims(1, 2).reshape([n, c, h, w]);
                        assert_close(state, &golden, &key);
                    }
                    Some(_) => assert_close(state, &golden, &key),
                }
                compared += 1;
            }
        };
        match &clip.visual {
            ImageEncoder::Transformer(vision) => compare(vision.hidden_states(pixels), "hidden"),
            ImageEncoder::ResNet(vision) => compare(vision.perceive(pixels).0, "hidden"),
        }
        compare(clip.text_hidden_states(ids(&golden, padded)), "text_hidden");
        let all = golden.keys().filter(|key| {
            key.starts_with(&format!("{name}.hidden"))
                || key.starts_with(&format!("{name}.text_hidden"))
        });
        assert_eq!(compared, all.count(), "{name}");
    }
}

#[test]
fn other_picture_sizes_have_open_clips_positions() {
    let golden = golden();
    let clip = load("open_clip").with_image_size(56).unwrap();
    let image = clip.encode_image(tensor(&golden, "open_clip.pixels_56"));
    assert_close(image, &golden, "open_clip.image_56");
    let error = load("open_clip")
        .with_image_size(57)
        .unwrap_err()
        .to_string();
    assert!(error.contains("57"), "{error}");
}

#[test]
fn what_was_read_is_saved_under_openais_keys() {
    for file in ["openai.pt", "openai_resnet.pt"] {
        let clip = load(file);
        let arrays = clip.to_arrays();
        let theirs = clip2gan_weights::read_checkpoint(fixture(file)).unwrap();
        for (key, array) in &arrays {
            assert_eq!(array.to_f32(), theirs.arrays[key].to_f32(), "{key}");
        }
        let again = clip.config().load_arrays(arrays.clone(), &Device::flex());
        assert_eq!(again.unwrap().to_arrays(), arrays);
    }
}

#[test]
fn settings_of_the_pixels_are_read() {
    assert_eq!(load("open_clip").config().mean, [0.5; 3]);
    assert_eq!(load("open_clip").config().std, [0.25, 0.25, 0.5]);
}

#[test]
fn what_does_not_fit_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let from = fixture("hugging_face");
    std::fs::copy(from.join("config.json"), folder.path().join("config.json")).unwrap();
    let refused = |change: &dyn Fn(&mut Arrays)| {
        let (mut arrays, _) = read_safetensors(from.join("model.safetensors")).unwrap();
        change(&mut arrays);
        let path = folder.path().join("model.safetensors");
        write_safetensors(path, &arrays, &Default::default()).unwrap();
        let error = Clip::load_model(folder.path(), &Device::flex()).unwrap_err();
        error.to_string()
    };
    let key = "vision_model.encoder.layers.1.self_attn.k_proj.weight";
    let error = refused(&|arrays| {
        arrays.remove(key);
    });
    assert!(
        error.contains("visual.transformer.resblocks.1.attn.in_proj_weight"),
        "{error}"
    );
    let error = refused(&|arrays| {
        let array = arrays["logit_scale"].clone();
        arrays.insert("text_model.other.weight".into(), array);
    });
    assert!(error.contains("text_model.other.weight"), "{error}");
    let error = refused(&|arrays| {
        let array = arrays["vision_model.post_layernorm.bias"].clone();
        arrays.insert("text_model.final_layer_norm.bias".into(), array);
    });
    assert!(
        error.contains("ln_final.bias") && error.contains("[16]") && error.contains("[24]"),
        "{error}"
    );
    let path = folder.path().join("config.json");
    let json = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, json.replace("quick_gelu", "relu")).unwrap();
    match Clip::load_model(folder.path(), &Device::flex()) {
        Err(Error::Config { field, found, .. }) => {
            assert_eq!((field, &*found), ("hidden_act", "relu"))
        }
        other => panic!("{other:?}"),
    }
}
