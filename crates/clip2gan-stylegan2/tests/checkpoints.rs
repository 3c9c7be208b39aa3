//! Whole checkpoints of the reference implementations: sizes from shapes, and the same numbers.

use std::path::PathBuf;

use burn::tensor::{Device, Tensor, TensorData};
use clip2gan_stylegan2::{DiscriminatorConfig, Error, GeneratorConfig, NoiseMode, seeds, weights};
use clip2gan_train::rng;
use clip2gan_weights::{Array, Arrays, Checkpoint, Family, read_checkpoint, read_safetensors};

fn fixture(name: &str) -> PathBuf {
    let root = env!("CARGO_MANIFEST_DIR");
    PathBuf::from(format!("{root}/../../tests/fixtures/stylegan2/{name}"))
}

fn checkpoint(name: &str) -> Checkpoint {
    read_checkpoint(fixture(name)).unwrap()
}

fn tensor<const D: usize>(golden: &Arrays, key: &str) -> Tensor<D> {
    let array = &golden[key];
    Tensor::from_data(
        TensorData::new(array.to_f32(), array.shape.clone()),
        &Device::flex(),
    )
}

/// Largest difference, relative to the largest expected magnitude.
fn assert_close<const D: usize>(found: Tensor<D>, golden: &Arrays, key: &str) {
    assert_eq!(found.dims().to_vec(), golden[key].shape, "{key}");
    let found: Vec<f32> = found.into_data().try_into_vec().unwrap();
    let expected = golden[key].to_f32();
    let largest = expected.iter().fold(1e-12_f32, |max, x| max.max(x.abs()));
    let pairs = found.iter().zip(&expected);
    let error = pairs.fold(0.0_f32, |max, (a, b)| max.max((a - b).abs())) / largest;
    assert!(error <= 1e-4, "{key}: relative error {error:e}");
}

#[test]
fn the_reference_pickle_is_the_network_of_the_safetensors() {
    let checkpoint = checkpoint("nv32.pkl");
    let found = weights::generator(&checkpoint).unwrap();
    let sizes = GeneratorConfig {
        z_dim: 32,
        w_dim: 32,
        resolution: 32,
        channel_base: 1024,
        channel_max: 32,
        mapping_layers: 2,
        ..GeneratorConfig::default()
    };
    assert_eq!(found.config, sizes);
    let (expected, _) = read_safetensors(fixture("nv32_g.safetensors")).unwrap();
    let expected = weights::generator_from_nvlabs(expected).unwrap();
    assert_eq!(found.arrays, expected);
    found.build(&Device::flex()).unwrap();

    let found = weights::discriminator(&checkpoint).unwrap();
    let sizes = DiscriminatorConfig {
        resolution: 32,
        channel_base: 1024,
        channel_max: 32,
        ..DiscriminatorConfig::default()
    };
    assert_eq!(found.config, sizes);
    let (expected, _) = read_safetensors(fixture("nv32_d.safetensors")).unwrap();
    let expected = weights::discriminator_from_nvlabs(expected, 32).unwrap();
    assert_eq!(found.arrays, expected);
    found.build(&Device::flex()).unwrap();
}

#[test]
fn rosinality_generator() {
    let (golden, _) = read_safetensors(fixture("ros32_golden.safetensors")).unwrap();
    let found = weights::generator(&checkpoint("ros32.pt")).unwrap();
    assert!(found.has_average);
    let generator = found.build(&Device::flex()).unwrap();
    let w = generator.mapping.forward(tensor(&golden, "z"));
    assert_close(w.clone(), &golden, "w");
    let ws = generator.broadcast(w);
    let draw = |ws| generator.synthesis.forward(ws, NoiseMode::Const);
    assert_close(draw(ws.clone()), &golden, "img_const");
    let truncated = generator.truncate(ws.clone(), 0.7, None);
    assert_close(draw(truncated), &golden, "img_psi07");
    // Style mixing: three latents of each picture, the rest of the pictures in reverse order.
    let mixed = vec![
        ws.clone().narrow(1, 0, 3),
        ws.flip([0]).narrow(1, 3, generator.num_ws() - 3),
    ];
    assert_close(draw(Tensor::cat(mixed, 1)), &golden, "img_mix3");
}

#[test]
fn rosinality_discriminator() {
    let (golden, _) = read_safetensors(fixture("ros32_golden.safetensors")).unwrap();
    let found = weights::discriminator(&checkpoint("ros32.pt")).unwrap();
    let discriminator = found.build(&Device::flex()).unwrap();
    let logits = discriminator.forward(tensor(&golden, "d_img"));
    assert_close(logits, &golden, "d_logits");
}

#[test]
fn a_missing_average_is_made_of_many_latents() {
    let mut checkpoint = checkpoint("ros32.pt");
    checkpoint.arrays.remove("latent_avg");
    let found = weights::generator(&checkpoint).unwrap();
    assert!(!found.has_average);
    let device = Device::flex();
    let mapping = found.build(&device).unwrap().mapping;
    let latents = (0..1000).map(|seed| seeds::z_of_seed(seed, 32, &device));
    let w = mapping.forward(Tensor::cat(latents.collect(), 0));
    let deviation: f32 = w.clone().var(0).sum().sqrt().into_scalar();
    let offset = w.mean_dim(0) - mapping.w_avg.val().unsqueeze();
    let offset: f32 = offset.square().sum().sqrt().into_scalar();
    // The mean of 1,000 lies about 1 / √1000 of a deviation from the true one.
    assert!(offset < 0.1 * deviation, "{offset} of {deviation}");
}

#[test]
fn a_network_may_stand_at_the_top() {
    let whole = checkpoint("ros32.pt");
    let mut alone = whole.clone();
    alone.arrays = whole
        .arrays
        .iter()
        .filter_map(|(key, array)| Some((key.strip_prefix("g_ema.")?.to_owned(), array.clone())))
        .collect();
    let average = whole.arrays["latent_avg"].clone();
    alone.arrays.insert("latent_avg".into(), average);
    let [whole, alone] = [whole, alone].map(|it| weights::generator(&it).unwrap());
    assert_eq!(whole.arrays, alone.arrays);
}

#[test]
fn what_does_not_fit_is_named() {
    let whole = checkpoint("nv32.pkl");
    let refused = |change: &dyn Fn(&mut Checkpoint)| {
        let mut checkpoint = whole.clone();
        change(&mut checkpoint);
        match weights::generator(&checkpoint) {
            Err(Error::Key { key, .. }) => key,
            other => panic!("{other:?}"),
        }
    };
    let key = refused(&|checkpoint| checkpoint.family = Family::ClipOpenAi);
    assert_eq!(key, "mapping network");
    let key = refused(&|checkpoint| {
        checkpoint.arrays.remove("G_ema.mapping.w_avg");
    });
    assert_eq!(key, "mapping.w_avg");
    // A layer that claims to be huge is caught before anything of its size is made.
    let key = refused(&|checkpoint| {
        let array = Array {
            shape: vec![1 << 40, 0, 3, 3],
            ..Array::from_f32([0], &[])
        };
        let key = "G_ema.synthesis.b8.conv1.weight";
        checkpoint.arrays.insert(key.into(), array);
    });
    assert_eq!(key, "synthesis.blocks.1.conv1.weight");
    let key = refused(&|checkpoint| {
        let array = Array::from_f32([1], &[0.0]);
        checkpoint.arrays.insert("G_ema.other".into(), array);
    });
    assert_eq!(key, "other");
    // All keys there, one of them of another size: loading says so.
    let mut found = weights::generator(&whole).unwrap();
    let key = "synthesis.blocks.0.conv1.bias";
    found
        .arrays
        .insert(key.into(), Array::from_f32([1], &[0.0]));
    let error = found.build(&Device::flex()).unwrap_err().to_string();
    assert!(error.contains(key), "{error}");
}

/// Arrays that are missing, called otherwise or of another shape end in an error, never in a panic.
#[test]
fn damaged_networks_are_refused() {
    let device = Device::flex();
    for (file, count) in [("nv32.pkl", 200), ("ros32.pt", 200)] {
        let whole = checkpoint(file);
        let keys: Vec<String> = whole.arrays.keys().cloned().collect();
        for number in 0..count {
            let mut rng = rng::stream(0, file, number);
            let mut damaged = whole.clone();
            let mut any = || keys[rng::index(&mut rng, keys.len())].clone();
            let (key, other) = (any(), any());
            let array = damaged.arrays.remove(&key).unwrap();
            match number % 5 {
                0 => {}
                1 => {
                    damaged.arrays.insert(other, array);
                }
                2 => {
                    let key = key.replace(char::is_numeric, "7");
                    damaged.arrays.insert(key, array);
                }
                3 => {
                    let rank = rng::index(&mut rng, 5);
                    let shape: Vec<usize> = (0..rank).map(|_| rng::index(&mut rng, 4)).collect();
                    let values = vec![1.0; shape.iter().product()];
                    damaged
                        .arrays
                        .insert(key.clone(), Array::from_f32(shape, &values));
                }
                _ => {
                    let shape = array.shape.iter().rev().copied().collect();
                    damaged.arrays.insert(key.clone(), Array { shape, ..array });
                }
            }
            // What was damaged may be the other network, or have the shape of one that is only smaller.
            let generator = weights::generator(&damaged);
            let built = generator.and_then(|it| it.build(&device).map(|_| ()));
            let discriminator = weights::discriminator(&damaged);
            let judged = discriminator.and_then(|it| it.build(&device).map(|_| ()));
            let missing = number % 5 == 0 && key.ends_with(".conv1.weight");
            assert!(!missing || !key.starts_with("G_ema.") || built.is_err());
            assert!(!missing || !key.starts_with("D.") || judged.is_err());
        }
    }
}
