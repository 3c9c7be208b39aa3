//! The synthesis network of StyleGAN's kind, against an independent script and against itself.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use clip2gan_stylegan2::layers::{instance_norm, instance_norm_dual};
use clip2gan_stylegan2::tangent::Dual;
use clip2gan_stylegan2::train::{PathLengthConfig, TrainConfig, TrainState, step};
use clip2gan_stylegan2::{Generator, GeneratorConfig, NoiseMode, SynthesisKind, loss};
use clip2gan_train::{params, rng};
use clip2gan_weights::{Arrays, Dtype, read_safetensors};

fn config() -> GeneratorConfig {
    GeneratorConfig {
        z_dim: 8,
        w_dim: 8,
        resolution: 16,
        channel_base: 128,
        channel_max: 12,
        mapping_layers: 2,
        synthesis: SynthesisKind::StyleGan1,
        ..GeneratorConfig::default()
    }
}

fn randn<const D: usize>(name: &str, shape: [usize; D]) -> Tensor<D> {
    rng::randn(shape, &mut rng::stream(0, name, 0), &Device::flex())
}

/// A network whose noise and biases are not at their initial zeros.
fn generator() -> Generator {
    let generator = config().init(&Device::flex());
    params::fill(generator, |key, shape| {
        let small = key.ends_with("bias") || key.ends_with("noise_strength");
        let count = shape.iter().product();
        small.then(|| {
            let values = rng::normal(&mut rng::stream(3, key, 0), count);
            values.iter().map(|value| 0.3 * value).collect()
        })
    })
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.inner().into_data().try_into_vec().unwrap()
}

fn assert_close<const D: usize>(found: Tensor<D>, expected: Tensor<D>, tolerance: f32) {
    assert_eq!(found.dims(), expected.dims());
    let (found, expected) = (values(found), values(expected));
    let largest = expected.iter().fold(1e-12_f32, |max, x| max.max(x.abs()));
    let pairs = found.iter().zip(&expected);
    let error = pairs.fold(0.0_f32, |max, (a, b)| max.max((a - b).abs())) / largest;
    assert!(error <= tolerance, "relative error {error:e}");
}

fn golden() -> Arrays {
    let path = "/../../tests/fixtures/stylegan1/golden.safetensors";
    read_safetensors(format!("{}{path}", env!("CARGO_MANIFEST_DIR")))
        .unwrap()
        .0
}

fn tensor<const D: usize>(golden: &Arrays, key: &str) -> Tensor<D> {
    let array = &golden[key];
    let data = TensorData::new(array.to_f32(), array.shape.clone());
    Tensor::from_data(data, &Device::flex())
}

#[test]
fn images_are_those_of_the_script() {
    let golden = golden();
    let parameters = golden
        .iter()
        .filter_map(|(key, array)| Some((key.strip_prefix("net.")?.to_owned(), array.clone())))
        .collect::<Arrays>();
    let network = config().init(&Device::flex()).synthesis;
    let network = params::load(network, &parameters).unwrap();
    let ws = tensor::<3>(&golden, "ws");
    for (key, noise) in [("const", NoiseMode::Const), ("none", NoiseMode::None)] {
        let image = network.forward(ws.clone(), noise);
        assert_close(image, tensor(&golden, &format!("image_{key}")), 1e-4);
    }
}

#[test]
fn maps_are_normalised_one_by_one() {
    let x = randn("x", [2, 3, 8, 8]) * 5.0 + 2.0;
    let flat = instance_norm(x).reshape([6, 64]);
    let [mean, variance] = [flat.clone().mean_dim(1), flat.clone().square().mean_dim(1)];
    assert!(values(mean.abs()).iter().all(|&mean| mean < 1e-5));
    assert!(values(variance).iter().all(|&v| (v - 1.0).abs() < 1e-4));
}

#[test]
fn the_normalisations_derivative_is_that_of_the_backward_pass() {
    let [x, direction, weight] = ["x", "direction", "weight"].map(|n| randn(n, [2, 3, 5, 4]));
    let leaf = x.clone().autodiff().require_grad();
    let mut gradients = (instance_norm(leaf.clone()) * weight.clone().autodiff())
        .sum()
        .backward();
    let gradient = leaf.grad_remove(&mut gradients).unwrap();
    let dual = Dual {
        value: x,
        tangent: direction.clone(),
    };
    let forward = (instance_norm_dual(dual).tangent * weight).sum();
    assert_close(forward, (gradient * direction).sum(), 1e-4);
}

#[test]
fn path_lengths_are_exact() {
    let generator = generator().train();
    let ws = randn("ws", [2, generator.num_ws(), 8]);
    let y = randn("y", [2, 3, 16, 16]) / 16.0;
    let noise = NoiseMode::Random { seed: 4 };
    let paths = loss::path_lengths(&generator.synthesis, ws, noise, y);
    let gradient = paths.latent_gradient;
    let num_ws = gradient.dims()[1] as f32;
    let square = (gradient.clone() * gradient).reshape([2, -1]).sum_dim(1);
    let expected: Tensor<1> = (square / num_ws).sqrt().squeeze_dim(1);
    assert_close(paths.lengths, expected, 1e-4);
}

#[test]
fn the_same_trainer_trains_it() {
    let config = TrainConfig {
        resolution: 16,
        channel_base: 128,
        channel_max: 12,
        z_dim: 8,
        w_dim: 8,
        mapping_layers: 2,
        batch: 4,
        synthesis: SynthesisKind::StyleGan1,
        path_length: PathLengthConfig {
            weight: 2.0,
            ..PathLengthConfig::default()
        },
        ..TrainConfig::default()
    };
    let before = TrainState::new(&config, &Device::flex());
    let (after, stats) = step(before.clone(), randn("real", [4, 3, 16, 16]), &config).unwrap();
    assert!(stats.path_length_penalty.is_some());
    let [before, after] = [before, after].map(|state| params::to_arrays(&state.generator));
    for (key, array) in &before {
        // Everything learns but the constant noise.
        let moved = after[key] != *array;
        assert_eq!(moved, !key.ends_with("noise_const"), "{key}");
    }
}

#[test]
fn it_is_saved_and_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let generator = generator();
    generator
        .save(&config(), folder.path(), Dtype::F32)
        .unwrap();
    let (loaded, sizes) = Generator::load(folder.path(), &Device::flex()).unwrap();
    assert_eq!(sizes, config());
    let z = randn("z", [1, 8]);
    let [one, two] = [generator, loaded].map(|g| g.forward(z.clone(), 0.7, NoiseMode::Const));
    assert_close(one, two, 0.0);
}
