//! Transformations with given parameters, against an independent script: `tests/fixtures/augment/golden.py`.

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use clip2gan_weights::{Arrays, read_safetensors};

use super::color::{Color, Colors};
use super::geometry::Geometry;
use super::warp::Warp;

fn golden() -> Arrays {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/augment");
    read_safetensors(path.join("golden.safetensors")).unwrap().0
}

fn images(golden: &Arrays, key: &str) -> Tensor<4> {
    let array = &golden[key];
    let shape: [usize; 4] = array.shape.clone().try_into().unwrap();
    Tensor::from_data(TensorData::new(array.to_f32(), shape), &Device::flex())
}

/// Parameters of each image.
fn rows<const N: usize>(golden: &Arrays, key: &str) -> Vec<[f64; N]> {
    let values = golden[key].to_f32();
    let (rows, _) = values.as_chunks();
    rows.iter().map(|row| row.map(f64::from)).collect()
}

fn assert_close(name: &str, found: &[f32], golden: &Arrays, key: &str) {
    let expected = golden[key].to_f32();
    assert_eq!(found.len(), expected.len(), "{name}");
    let largest = expected.iter().fold(0.0_f32, |max, x| max.max(x.abs()));
    let pairs = found.iter().zip(&expected);
    let error = pairs.fold(0.0_f32, |max, (a, b)| max.max((a - b).abs()));
    assert!(error <= 1e-4 * largest, "{name}: {error} of {largest}");
}

fn assert_images_close(name: &str, found: Tensor<4>, golden: &Arrays, key: &str) {
    let found: Vec<f32> = found.into_data().try_into_vec().unwrap();
    assert_close(name, &found, golden, key);
}

#[test]
fn images_are_warped_as_by_the_reference() {
    let golden = golden();
    for name in ["all", "whole", "far"] {
        let key = |part: &str| format!("{name}.{part}");
        let images = images(&golden, &key("images"));
        let side = images.dims()[3];
        let inverses: Vec<_> = rows(&golden, &key("geometry"))
            .into_iter()
            .map(|row| {
                let [flip, quarters, x, y, scale, before, stretch, after, dx, dy] = row;
                let geometry = Geometry {
                    flip,
                    quarters,
                    whole_shift: [x, y],
                    scale,
                    before,
                    stretch,
                    after,
                    shift: [dx, dy],
                };
                geometry.inverse(side)
            })
            .collect();
        let found = inverses.iter().flatten().flatten().map(|x| *x as f32);
        let found: Vec<f32> = found.collect();
        assert_close(name, &found, &golden, &key("inverse"));
        let warp = Warp::new(&inverses, side, &Device::flex()).unwrap();
        assert_images_close(name, warp.apply(images), &golden, &key("warped"));
    }
}

#[test]
fn colours_change_as_by_the_reference() {
    let golden = golden();
    let matrices: Vec<_> = rows(&golden, "color")
        .into_iter()
        .map(|[brightness, contrast, luma_flip, hue, saturation]| {
            let color = Color {
                brightness,
                contrast,
                luma_flip,
                hue,
                saturation,
            };
            color.matrix()
        })
        .collect();
    let found = matrices.iter().flatten().flatten().map(|x| *x as f32);
    let found: Vec<f32> = found.collect();
    assert_close("matrix", &found, &golden, "color.matrix");
    let images = images(&golden, "all.warped");
    for (name, channels) in [("rgb", 3), ("grey", 1)] {
        let colors = Colors::new(&matrices, channels, &Device::flex()).unwrap();
        let found = colors.apply(images.clone().narrow(1, 0, channels));
        assert_images_close(name, found, &golden, &format!("color.{name}"));
    }
}
