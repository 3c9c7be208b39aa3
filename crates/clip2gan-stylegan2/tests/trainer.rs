//! The trainer: exact resume, refusals, files.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use burn::tensor::{Device, Tensor};
use clip2gan_stylegan2::train::{
    AdaConfig, Event, GanTrainer, PathLengthConfig, TrainConfig, TrainState, step,
};
use clip2gan_stylegan2::{Error, Generator};
use clip2gan_train::{params, rng};

fn config(steps: u64) -> TrainConfig {
    TrainConfig {
        resolution: 16,
        channel_base: 64,
        channel_max: 8,
        z_dim: 8,
        w_dim: 8,
        mapping_layers: 2,
        batch: 4,
        total_images: 4 * steps,
        r1_interval: 3,
        mirror: true,
        samples_every: 8,
        grid: 2,
        ..TrainConfig::default()
    }
}

fn real(step: u64) -> Tensor<4> {
    rng::randn(
        [4, 3, 16, 16],
        &mut rng::stream(1, "real", step),
        &Device::flex(),
    ) * 0.5
}

/// Trains in `dir` up to `steps`, and returns the events' names.
fn train(dir: &Path, config: &TrainConfig) -> Result<Vec<String>, Error> {
    let mut events = vec![];
    GanTrainer::open(config.clone(), dir, &Device::flex())?.run(
        &mut |step| Ok(real(step).into()),
        &mut |event| {
            events.push(match event {
                Event::Step(stats) => format!("step {}", stats.step),
                Event::Samples(path) => format!("samples {}", path.file_name().unwrap().display()),
                Event::Snapshot(folder, generator) => {
                    let (saved, _) = Generator::load(folder, &Device::flex()).unwrap();
                    assert_eq!(params::to_arrays(&saved), params::to_arrays(generator));
                    format!("snapshot {}", folder.file_name().unwrap().display())
                }
                Event::Checkpoint(step) => format!("checkpoint {step}"),
                _ => String::new(),
            });
            ControlFlow::Continue(())
        },
    )?;
    Ok(events)
}

/// Every file that should not depend on how often the run was stopped.
fn files(dir: &Path, step: u64) -> BTreeMap<String, Vec<u8>> {
    let folders = [
        dir.join("samples"),
        dir.join(format!("checkpoints/step-{step:09}")),
    ];
    let mut files = BTreeMap::from([(
        "stats".to_owned(),
        fs::read(dir.join("stats.jsonl")).unwrap(),
    )]);
    for entry in folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).unwrap())
    {
        let path = entry.unwrap().path();
        files.insert(
            path.file_name().unwrap().display().to_string(),
            fs::read(&path).unwrap(),
        );
    }
    files
}

#[test]
fn a_resumed_run_ends_with_the_same_bytes() {
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let events = train(whole.path(), &config(7)).unwrap();
    let expected = [
        "step 1",
        "step 2",
        "samples 00000008.png",
        "step 3",
        "step 4",
        "samples 00000016.png",
    ];
    assert_eq!(events[..6], expected);
    assert_eq!(events.last().unwrap(), "checkpoint 7");
    train(parts.path(), &config(2)).unwrap();
    assert_eq!(train(parts.path(), &config(4)).unwrap()[0], "step 3");
    train(parts.path(), &config(7)).unwrap();
    let (whole, parts) = (files(whole.path(), 7), files(parts.path(), 7));
    assert_eq!(
        whole.keys().collect::<Vec<_>>(),
        parts.keys().collect::<Vec<_>>()
    );
    for (name, bytes) in whole {
        assert!(parts[&name] == bytes, "{name} differs");
    }
}

#[test]
fn path_length_regularisation_is_lazy_and_resumes_with_the_same_bytes() {
    let config = |steps| TrainConfig {
        path_length: PathLengthConfig {
            weight: 2.0,
            interval: 2,
            ..PathLengthConfig::default()
        },
        ..config(steps)
    };
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    train(whole.path(), &config(4)).unwrap();
    train(parts.path(), &config(1)).unwrap();
    train(parts.path(), &config(4)).unwrap();
    let (whole, parts) = (files(whole.path(), 4), files(parts.path(), 4));
    assert!(whole.contains_key("path_length.safetensors"));
    assert!(whole == parts);
    let stats = String::from_utf8(whole["stats"].clone()).unwrap();
    let regularised: Vec<bool> = stats
        .lines()
        .map(|line| line.contains("path_length_penalty"))
        .collect();
    assert_eq!(regularised, [true, false, true, false]);
}

#[test]
fn snapshots_are_kept_by_thousands_of_images() {
    let dir = tempfile::tempdir().unwrap();
    let config = TrainConfig {
        snapshots_every: 12,
        samples_every: 0,
        ..config(6)
    };
    let events = train(dir.path(), &config).unwrap();
    let snapshots = events.iter().filter(|event| event.starts_with("snapshot"));
    assert_eq!(snapshots.count(), 2);
    assert_eq!(events[3], "snapshot network-000000");
}

#[test]
fn adaptive_augmentation_rises_and_resumes_with_the_same_bytes() {
    let config = |steps| TrainConfig {
        ada: Some(AdaConfig {
            target: -1.0,
            interval: 2,
            kimg: 0.04,
            initial: 0.4,
        }),
        ..config(steps)
    };
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    train(whole.path(), &config(7)).unwrap();
    train(parts.path(), &config(3)).unwrap();
    train(parts.path(), &config(7)).unwrap();
    let (whole, parts) = (files(whole.path(), 7), files(parts.path(), 7));
    assert!(whole.contains_key("ada.safetensors"));
    assert!(whole == parts);
    let stats = String::from_utf8(whole["stats"].clone()).unwrap();
    let p = stats.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["augment_p"].as_f64().unwrap()
    });
    let p: Vec<f64> = p.map(|p| (p * 10.0).round() / 10.0).collect();
    // Below the target it cannot fall: the mean sign is never less than -1.
    assert!(p[0] == 0.4 && p[6] > 0.5, "{p:?}");
    assert!(p.is_sorted(), "{p:?}");
}

#[test]
fn a_batch_in_parts_makes_the_step_of_their_mean_gradient() {
    // Without statistics over the batch, noise and latents aside, the parts' gradients add up to the batch's.
    let whole = TrainConfig {
        batch: 4,
        mbstd_group_size: 1,
        r1_interval: 1,
        r1_gamma: 10.0,
        mirror: false,
        ..config(1)
    };
    let parts = TrainConfig {
        accumulate: 2,
        ..whole.clone()
    };
    let device = Device::flex();
    let made = [&whole, &parts].map(|config| {
        let state = TrainState::new(config, &device);
        step(state, real(0), config).unwrap()
    });
    let [(_, whole), (_, parts)] = made.map(|(state, stats)| (state.step, stats));
    let close = |a: f32, b: f32| (a - b).abs() < 1e-4 * b.abs();
    let penalties = [whole.r1_penalty, parts.r1_penalty].map(Option::unwrap);
    // The discriminator was moved by other generated images before R1 was measured.
    assert!((penalties[0] - penalties[1]).abs() < 0.1 * penalties[0]);
    assert!(close(parts.real_logit, whole.real_logit));
    assert_eq!(parts.images, whole.images);

    let error = TrainConfig {
        accumulate: 3,
        ..config(1)
    };
    let error = error.validate().unwrap_err().to_string();
    assert!(
        error.contains("accumulate must be a divisor of batch"),
        "{error}"
    );
}

#[test]
fn settings_left_alone_are_not_written() {
    let json = serde_json::to_string(&config(1)).unwrap();
    assert!(!json.contains("path_length"), "{json}");
    assert_eq!(
        serde_json::from_str::<TrainConfig>(&json).unwrap(),
        config(1)
    );
}

#[test]
fn an_observer_can_stop_a_run_and_leaves_a_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let mut trainer = GanTrainer::open(config(50), dir.path(), &Device::flex()).unwrap();
    trainer
        .run(
            &mut |step| Ok(real(step).into()),
            &mut |event| match event {
                Event::Step(stats) if stats.step == 2 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            },
        )
        .unwrap();
    assert!(dir.path().join("checkpoints/step-000000002").exists());
}

#[test]
fn another_configuration_is_refused_in_the_same_directory() {
    let dir = tempfile::tempdir().unwrap();
    train(dir.path(), &config(1)).unwrap();
    let other = TrainConfig {
        learning_rate: 0.001,
        ..config(2)
    };
    let error = train(dir.path(), &other).unwrap_err().to_string();
    assert!(error.contains("learning_rate"), "{error}");
    train(dir.path(), &config(2)).unwrap();
}

#[test]
fn impossible_configurations_and_batches_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let error = train(
        dir.path(),
        &TrainConfig {
            resolution: 48,
            ..config(1)
        },
    )
    .unwrap_err()
    .to_string();
    assert!(
        error.contains("resolution") && error.contains("48"),
        "{error}"
    );
    let error = train(
        dir.path(),
        &TrainConfig {
            batch: 6,
            ..config(1)
        },
    )
    .unwrap_err()
    .to_string();
    assert!(error.contains("batch") && error.contains('6'), "{error}");
    let state = TrainState::new(&config(1), &Device::flex());
    let error = step(state, real(0).narrow(0, 0, 3), &config(1))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("[4, 3, 16, 16]") && error.contains("[3, 3, 16, 16]"),
        "{error}"
    );
}

#[test]
fn divergence_stops_the_run_and_names_the_last_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    train(dir.path(), &config(2)).unwrap();
    let mut trainer = GanTrainer::open(config(5), dir.path(), &Device::flex()).unwrap();
    let mut broken = |step| {
        let images = real(step);
        Ok(match step {
            3 => (images * f32::NAN).into(),
            _ => images.into(),
        })
    };
    let error = trainer
        .run(&mut broken, &mut |_| ControlFlow::Continue(()))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("NaN") && error.contains("step 3") && error.contains("that of step 2"),
        "{error}"
    );
    assert_eq!(trainer.state().step, 3);
}

#[test]
fn regularisation_follows_its_interval_and_everything_learns() {
    let config = config(4);
    let first = TrainState::new(&config, &Device::flex());
    let mut state = first.clone();
    let mut regularised = vec![];
    for number in 0..4 {
        let (next, stats) = step(state, real(number), &config).unwrap();
        regularised.push(stats.r1_penalty.is_some());
        state = next;
    }
    assert_eq!(regularised, [true, false, false, true]);
    let changed = |before: clip2gan_weights::Arrays, after: clip2gan_weights::Arrays| {
        for (key, array) in before {
            let fixed = key.ends_with("noise_const");
            assert_eq!(after[&key] == array, fixed, "{key}");
        }
    };
    changed(
        params::to_arrays(&first.generator),
        params::to_arrays(&state.generator),
    );
    changed(params::to_arrays(&first.ema), params::to_arrays(&state.ema));
    changed(
        params::to_arrays(&first.discriminator),
        params::to_arrays(&state.discriminator),
    );
}
