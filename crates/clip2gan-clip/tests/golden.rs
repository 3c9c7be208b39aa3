//! Both towers against an independent implementation in numpy (`fixtures/clip/make_golden.py`), all parameters under
//! OpenAI's keys.

use burn::tensor::{Device, Int, Tensor, TensorData};
use clip2gan_clip::{Activation, Clip, ClipConfig};
use clip2gan_weights::{Array, Arrays};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("fixtures/clip/golden.json")).unwrap()
}

fn array(value: &Value) -> Array {
    let shape: Vec<usize> = serde_json::from_value(value["shape"].clone()).unwrap();
    let values: Vec<f32> = serde_json::from_value(value["values"].clone()).unwrap();
    Array::from_f32(shape, &values)
}

fn parameters(golden: &Value) -> Arrays {
    let parameters = golden["parameters"].as_object().unwrap();
    parameters
        .iter()
        .map(|(key, value)| (key.clone(), array(value)))
        .collect()
}

fn model(golden: &Value, activation: Activation, device: &Device) -> Clip {
    let mut config: ClipConfig = serde_json::from_value(golden["config"].clone()).unwrap();
    config.activation = activation;
    config.load_arrays(parameters(golden), device).unwrap()
}

fn inputs(golden: &Value, device: &Device) -> (Tensor<4>, Tensor<2, Int>) {
    let images = array(&golden["images"]);
    let shape: [usize; 4] = images.shape.clone().try_into().unwrap();
    let ids: Vec<[i32; 7]> = serde_json::from_value(golden["ids"].clone()).unwrap();
    (
        Tensor::from_data(TensorData::new(images.to_f32(), shape), device),
        Tensor::from_data(TensorData::new(ids.concat(), [ids.len(), 7]), device),
    )
}

fn assert_close(found: Tensor<2>, expected: &Value, what: &str) {
    let expected: Vec<Vec<f64>> = serde_json::from_value(expected.clone()).unwrap();
    let expected = expected.concat();
    let found: Vec<f32> = found.to_data().iter::<f32>().collect();
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    for (found, expected) in found.iter().zip(expected) {
        let error = (f64::from(*found) - expected).abs() / largest;
        assert!(error < 1e-5, "{what}: {found} {expected}");
    }
}

#[test]
fn features_equal_numpys() {
    let golden = golden();
    for device in [Device::flex(), Device::flex().autodiff()] {
        let (images, ids) = inputs(&golden, &device);
        for (name, activation) in [
            ("quick_gelu", Activation::QuickGelu),
            ("gelu", Activation::Gelu),
        ] {
            let clip = model(&golden, activation, &device);
            let features = &golden["features"][name];
            assert_close(
                clip.encode_image(images.clone()),
                &features["image"],
                "image",
            );
            assert_close(clip.encode_text(ids.clone()), &features["text"], "text");
        }
    }
}

#[test]
fn padding_after_the_end_does_not_matter() {
    let golden = golden();
    let device = Device::flex();
    let clip = model(&golden, Activation::QuickGelu, &device);
    let (_, ids) = inputs(&golden, &device);
    let whole = clip.encode_text(ids.clone().slice_dim(0, 0..1));
    let cut = clip.encode_text(ids.slice([0..1, 0..4]));
    let difference: f32 = (whole - cut).abs().max().into_scalar();
    assert!(difference < 1e-6, "{difference}");
}

#[test]
fn keys_are_openais() {
    let golden = golden();
    let clip = model(&golden, Activation::QuickGelu, &Device::flex());
    assert_eq!(clip.to_arrays(), parameters(&golden));
}
