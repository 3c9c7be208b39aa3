//! The trainer with class labels: what learns, exact resume, what is refused.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use clip2gan_stylegan2::train::{
    AdaConfig, GanTrainer, PathLengthConfig, RealBatch, TrainConfig, TrainState, step,
};
use clip2gan_stylegan2::{Error, Generator, NoiseMode};
use clip2gan_train::{params, rng};

const CLASSES: usize = 3;

/// Everything at once: path lengths, augmentation, parts, mixed styles.
fn config(steps: u64) -> TrainConfig {
    TrainConfig {
        resolution: 8,
        channel_base: 64,
        channel_max: 8,
        z_dim: 8,
        w_dim: 8,
        mapping_layers: 2,
        c_dim: CLASSES,
        batch: 8,
        accumulate: 2,
        mbstd_group_size: 2,
        total_images: 8 * steps,
        r1_interval: 2,
        samples_every: 16,
        grid: 2,
        path_length: PathLengthConfig {
            weight: 2.0,
            interval: 2,
            ..PathLengthConfig::default()
        },
        ada: Some(AdaConfig {
            initial: 0.5,
            ..AdaConfig::default()
        }),
        ..TrainConfig::default()
    }
}

fn one_hot(classes: &[usize]) -> Tensor<2> {
    let values: Vec<f32> = classes
        .iter()
        .flat_map(|&class| (0..CLASSES).map(move |index| f32::from(u8::from(index == class))))
        .collect();
    let data = TensorData::new(values, [classes.len(), CLASSES]);
    Tensor::from_data(data, &Device::flex())
}

/// Pictures of noise about a shade that tells the class: dark, grey, bright.
fn real(step: u64) -> RealBatch {
    let mut rng = rng::stream(1, "real", step);
    let classes: Vec<usize> = (0..8).map(|_| rng::index(&mut rng, CLASSES)).collect();
    let shades: Vec<f32> = classes.iter().map(|&class| class as f32 - 1.0).collect();
    let shades = Tensor::<4>::from_data(TensorData::new(shades, [8, 1, 1, 1]), &Device::flex());
    let noise: Tensor<4> = rng::randn([8, 3, 8, 8], &mut rng, &Device::flex());
    RealBatch {
        images: noise * 0.05 + shades * 0.6,
        labels: Some(one_hot(&classes)),
    }
}

fn train(dir: &Path, config: &TrainConfig) -> Result<(), Error> {
    GanTrainer::open(config.clone(), dir, &Device::flex())?
        .run(&mut |step| Ok(real(step)), &mut |_| {
            ControlFlow::Continue(())
        })
}

/// Statistics, sample grids and the checkpoint of `step`.
fn files(dir: &Path, step: u64) -> BTreeMap<String, Vec<u8>> {
    let checkpoint = format!("checkpoints/step-{step:09}");
    let folders = [dir.join("samples"), dir.join(checkpoint)];
    let inside = folders.iter().flat_map(|folder| {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().path())
    });
    inside
        .chain([dir.join("stats.jsonl")])
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
        .map(|(path, bytes)| (path.replace(&*dir.display().to_string(), ""), bytes))
        .collect()
}

#[test]
fn a_resumed_conditional_run_ends_with_the_same_bytes() {
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    train(whole.path(), &config(5)).unwrap();
    train(parts.path(), &config(2)).unwrap();
    train(parts.path(), &config(5)).unwrap();
    let (whole, parts) = (files(whole.path(), 5), files(parts.path(), 5));
    assert!(whole.len() > 5 && whole == parts);
}

#[test]
fn every_parameter_learns_that_of_labels_too() {
    let config = config(2);
    let first = TrainState::new(&config, &Device::flex());
    let (second, stats) = step(first.clone(), real(0), &config).unwrap();
    assert!(stats.r1_penalty.is_some() && stats.path_length_penalty.is_some());
    let (state, _) = step(second, real(1), &config).unwrap();
    let pairs = [
        (
            params::to_arrays(&first.generator),
            params::to_arrays(&state.generator),
        ),
        (
            params::to_arrays(&first.discriminator),
            params::to_arrays(&state.discriminator),
        ),
    ];
    for (before, after) in pairs {
        assert!(before.keys().any(|key| key.starts_with("mapping.embed.")));
        for (key, array) in before {
            assert_eq!(after[&key] == array, key.ends_with("noise_const"), "{key}");
        }
    }
}

/// Each class has its shade, and after a while the generator knows which.
#[test]
fn a_generator_learns_what_its_classes_look_like() {
    let config = TrainConfig {
        accumulate: 1,
        path_length: PathLengthConfig::default(),
        ada: None,
        ema_kimg: 0.1,
        learning_rate: 0.005,
        noise: false,
        ..config(0)
    };
    let mut state = TrainState::new(&config, &Device::flex());
    for number in 0..300 {
        state = step(state, real(number), &config).unwrap().0;
    }
    let shade = |class| {
        let z = rng::randn([16, 8], &mut rng::stream(2, "z", 0), &Device::flex());
        let images = state
            .ema
            .forward_labelled(z, one_hot(&[class; 16]), 1.0, NoiseMode::None);
        images.mean().into_scalar::<f32>()
    };
    let shades = [0, 1, 2].map(shade);
    let apart = shades.windows(2).all(|pair| pair[1] - pair[0] > 0.2);
    assert!(apart, "{shades:?}");
}

/// What is shown follows the columns, and the labels that were asked for.
#[test]
fn sample_grids_show_a_label_in_each_column() {
    let grid = |c_dim, labels: Option<Tensor<2>>| {
        let dir = tempfile::tempdir().unwrap();
        let config = TrainConfig {
            c_dim,
            grid: 3,
            samples_every: 8,
            ..config(1)
        };
        let mut trainer = GanTrainer::open(config, dir.path(), &Device::flex()).unwrap();
        if let Some(labels) = labels {
            trainer = trainer.with_grid_labels(labels).unwrap();
        }
        let mut run = |_| Ok(real(0));
        trainer
            .run(&mut run, &mut |_| ControlFlow::Continue(()))
            .unwrap();
        fs::read(dir.path().join("samples/00000008.png")).unwrap()
    };
    let classes = grid(CLASSES, None);
    assert!(classes == grid(CLASSES, Some(one_hot(&[0, 1, 2]))));
    assert!(classes != grid(CLASSES, Some(one_hot(&[0, 2, 1]))));
    // More labels than columns go on in the next row.
    assert!(classes != grid(CLASSES, Some(one_hot(&[0, 1, 2, 1, 1, 1, 1, 1, 1]))));
    assert!(
        grid(CLASSES, Some(one_hot(&[0, 1, 2, 0]))) != classes,
        "the second row begins with the fourth label"
    );
}

#[test]
fn missing_labels_and_those_of_another_length_are_named() {
    let config = config(1);
    let fails = |batch: RealBatch| {
        let state = TrainState::new(&config, &Device::flex());
        step(state, batch, &config).unwrap_err().to_string()
    };
    let message = fails(real(0).images.into());
    assert_eq!(
        message,
        "labels of real images must have shape [8, 3], found []"
    );
    let message = fails(RealBatch {
        labels: Some(one_hot(&[0; 7])),
        ..real(0)
    });
    assert!(message.ends_with("found [7, 3]"), "{message}");
    let dir = tempfile::tempdir().unwrap();
    let trainer = GanTrainer::open(config.clone(), dir.path(), &Device::flex()).unwrap();
    let labels = Tensor::zeros([4, 2], &Device::flex());
    let message = trainer.with_grid_labels(labels).unwrap_err().to_string();
    assert!(message.contains("[4, 3], found [4, 2]"), "{message}");
}

#[test]
fn unconditional_settings_and_networks_stay_as_they_were() {
    let config = TrainConfig {
        c_dim: 0,
        ..config(1)
    };
    let json = serde_json::to_string(&config).unwrap();
    assert!(!json.contains("c_dim"), "{json}");
    // Labels that nobody asked for change nothing.
    let state = TrainState::new(&config, &Device::flex());
    let made = |batch: RealBatch| {
        let (state, _) = step(state.clone(), batch, &config).unwrap();
        params::to_arrays(&state.generator)
    };
    assert!(made(real(0)) == made(real(0).images.into()));
}

#[test]
fn a_saved_conditional_generator_is_loaded_again() {
    let (config, device) = (config(1), Device::flex());
    let dir = tempfile::tempdir().unwrap();
    let state = TrainState::new(&config, &device);
    let dtype = clip2gan_weights::Dtype::F32;
    state
        .ema
        .save(&config.generator(), dir.path(), dtype)
        .unwrap();
    let (loaded, found) = Generator::load(dir.path(), &device).unwrap();
    assert_eq!(found.c_dim, CLASSES);
    assert_eq!(
        params::to_arrays(&loaded.valid()),
        params::to_arrays(&state.ema)
    );
}
