//! The trainer on tiny networks: it learns, starts and stops without a trace, and leaves the frozen networks alone.

use std::ops::ControlFlow;
use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use clip2gan_clip::{
    Activation, Clip, ClipConfig, Layers, OPENAI_MEAN, OPENAI_STD, TextConfig, VisionConfig,
};
use clip2gan_mapper::train::{
    AdversaryConfig, Event, LossWeights, MapperRun, MapperTrainConfig, MapperTrainer, Preview,
};
use clip2gan_mapper::{Bridge, Head, MeanFeature};
use clip2gan_stylegan2::{Generator, GeneratorConfig};
use clip2gan_train::{params, rng};

fn clip() -> Clip {
    let config = ClipConfig {
        embed_dim: 12,
        vision: VisionConfig {
            image_size: 16,
            patch_size: 8,
            width: 16,
            layers: Layers::Transformer(2),
            heads: 2,
        },
        text: TextConfig {
            context_length: 8,
            vocab_size: 600,
            width: 16,
            layers: 1,
            heads: 2,
        },
        activation: Activation::QuickGelu,
        mean: OPENAI_MEAN,
        std: OPENAI_STD,
    };
    config.init(&Device::flex())
}

fn generator() -> (Generator, GeneratorConfig) {
    let config = GeneratorConfig {
        z_dim: 8,
        w_dim: 8,
        resolution: 8,
        img_channels: 3,
        channel_base: 64,
        channel_max: 8,
        mapping_layers: 2,
        ..GeneratorConfig::default()
    };
    (config.init(&Device::flex()), config)
}

fn config() -> MapperTrainConfig {
    MapperTrainConfig {
        noise_dim: 4,
        hidden: 16,
        num_layers: 4,
        head: Head::WPlus,
        steps: 6,
        warmup_steps: 1,
        batch_size: 4,
        diversity_pairs: 2,
        draws: 3,
        samples_every: 3,
        ..MapperTrainConfig::default()
    }
}

fn trainer(config: MapperTrainConfig) -> MapperTrainer {
    let (generator, sizes) = generator();
    MapperTrainer::new(config, &clip(), (&generator, &sizes)).unwrap()
}

#[test]
fn a_generator_with_classes_is_refused() {
    let (_, sizes) = generator();
    let sizes = GeneratorConfig { c_dim: 3, ..sizes };
    let generator = sizes.init(&Device::flex());
    let error = MapperTrainer::new(config(), &clip(), (&generator, &sizes)).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("without classes") && error.contains("c_dim 3"),
        "{error}"
    );
}

fn pictures(step: u64, n: usize) -> Tensor<4> {
    let mut rng = rng::stream(0, "pictures", step);
    rng::randn([n, 3, 8, 8], &mut rng, &Device::flex()).clamp(-1.0, 1.0)
}

fn bridge() -> Bridge {
    let mut mean = MeanFeature::default();
    let clip = clip();
    mean.add(clip.encode_image(clip.normalize_pixels(pictures(99, 8))));
    let image = mean.finish().unwrap();
    Bridge::new(image.clone(), image)
}

fn preview() -> Preview {
    Preview {
        pictures: pictures(100, 3),
        sentences: Some(rng::randn(
            [2, 12],
            &mut rng::stream(0, "text", 0),
            &Device::flex(),
        )),
        seeds: vec![0, 1],
        feature_noise: 0.3,
    }
}

fn run(config: &MapperTrainConfig, dir: &Path, stop_after: Option<u64>) -> MapperRun {
    let trainer = trainer(config.clone());
    let mut run = MapperRun::open(trainer, bridge(), preview(), dir, true).unwrap();
    let n = config.rendered_per_batch();
    run.run(
        &mut |step| Ok(pictures(step, n)),
        &mut |event| match event {
            Event::Step(stats) if Some(stats.step) == stop_after => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        },
    )
    .unwrap();
    run
}

fn bytes(module: &impl Module) -> Vec<u8> {
    let arrays = params::to_arrays(module);
    arrays
        .values()
        .flat_map(|array| array.data.clone())
        .collect()
}

#[test]
fn a_stopped_run_ends_as_one_that_never_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, halves) = (dir.path().join("whole"), dir.path().join("halves"));
    let whole = run(&config(), &whole, None);
    assert_eq!(run(&config(), &halves, Some(2)).state().step, 2);
    let resumed = run(&config(), &halves, None);
    assert_eq!(resumed.state().step, 6);
    assert_eq!(bytes(&whole.state().mapper), bytes(&resumed.state().mapper));
    assert_eq!(bytes(whole.mapper()), bytes(resumed.mapper()));
    assert_ne!(bytes(whole.mapper()), bytes(&whole.state().mapper));
    for name in ["000000006-reconstructions.png", "000000006-sentences.png"] {
        let path = dir.path().join("whole/samples").join(name);
        assert!(path.is_file(), "{}", path.display());
    }
}

/// The generator learns along; R1 is due in every other step.
fn tuning() -> MapperTrainConfig {
    let adversary = AdversaryConfig {
        generator_learning_rate: 1e-3,
        r1_interval: 2,
        ..AdversaryConfig::default()
    };
    MapperTrainConfig {
        adversary: Some(adversary),
        ..config()
    }
}

#[test]
fn a_stopped_run_whose_generator_learns_ends_as_one_that_never_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, halves) = (dir.path().join("whole"), dir.path().join("halves"));
    let whole = run(&tuning(), &whole, None);
    run(&tuning(), &halves, Some(3));
    let resumed = run(&tuning(), &halves, None);
    let [a, b] = [&whole, &resumed].map(|run| run.state().checkpoint());
    assert!(a.groups.keys().any(|name| name == "discriminator"));
    for (name, group) in &a.groups {
        assert!(group == &b.groups[name], "{name}");
    }
    let given = generator().0;
    assert_ne!(bytes(whole.generator()), bytes(&given));
    let w_avg = |generator: &Generator| generator.mapping.w_avg.val().into_data();
    assert_ne!(w_avg(whole.generator()), w_avg(&given));
}

#[test]
fn the_adversary_sees_the_mapper_and_leaves_a_frozen_generator_alone() {
    let frozen = AdversaryConfig::default();
    let trainer = |adversary| {
        let config = MapperTrainConfig {
            adversary,
            ..config()
        };
        trainer(config)
    };
    let [with, without] = [Some(frozen), None].map(|adversary| {
        let trainer = trainer(adversary);
        let state = trainer.start(bridge()).unwrap();
        let (state, stats) = trainer.step(state, pictures(0, 2)).unwrap();
        assert_eq!(bytes(trainer.generator(&state)), bytes(&generator().0));
        (state, stats)
    });
    assert!(with.1.adversarial > 0.0 && with.1.discriminator > 0.0);
    assert_eq!((without.1.adversarial, without.1.discriminator), (0.0, 0.0));
    assert_ne!(bytes(&with.0.mapper), bytes(&without.0.mapper));
}

#[test]
fn an_adversary_without_rendered_pictures_is_refused() {
    let config = MapperTrainConfig {
        generated: 1.0,
        ..tuning()
    };
    let error = config.validate().unwrap_err().to_string();
    assert!(error.contains("rendered share of batch_size"), "{error}");
}

#[test]
fn a_step_is_a_pure_function() {
    let trainer = trainer(config());
    let state = trainer.start(bridge()).unwrap();
    let (a, stats_a) = trainer.step(state.clone(), pictures(0, 2)).unwrap();
    let (b, stats_b) = trainer.step(state, pictures(0, 2)).unwrap();
    assert_eq!(bytes(&a.mapper), bytes(&b.mapper));
    assert_eq!(stats_a, stats_b);
    assert!(stats_a.perceptual > 0.0 && stats_a.diversity > 0.0 && stats_a.latent > 0.0);
}

#[test]
fn buffers_stay_and_weights_move() {
    let trainer = trainer(config());
    let state = trainer.start(bridge()).unwrap();
    let before = params::to_arrays(&state.mapper);
    let (state, _) = trainer.step(state, pictures(0, 2)).unwrap();
    let after = params::to_arrays(&state.mapper);
    for (key, array) in &before {
        let buffer = key == "w_avg" || key.starts_with("bridge.");
        assert_eq!(array == &after[key], buffer, "{key}");
    }
}

#[test]
fn latents_of_generated_pictures_are_learnt() {
    let config = MapperTrainConfig {
        steps: 150,
        batch_size: 16,
        generated: 1.0,
        learning_rate: 5e-3,
        warmup_steps: 5,
        ema_beta: 0.0,
        feature_noise: 0.0,
        draws: 1,
        diversity_pairs: 0,
        weights: LossWeights {
            latent: 1.0,
            reconstruction: 0.0,
            perceptual: 0.0,
            clip: 0.0,
            latent_average: 0.0,
            diversity: 0.0,
        },
        ..config()
    };
    let trainer = trainer(config);
    let mut state = trainer.start(bridge()).unwrap();
    let mut latent = Vec::new();
    for _ in 0..150 {
        let (next, stats) = trainer.step(state, trainer.no_pictures()).unwrap();
        latent.push(stats.latent);
        state = next;
    }
    let last = latent[140..].iter().sum::<f32>() / 10.0;
    assert!(
        latent[0] > 0.7 && last < 0.6 * latent[0],
        "{} to {last}",
        latent[0]
    );
}

#[test]
fn a_wrong_batch_is_named() {
    let trainer = trainer(config());
    let state = trainer.start(bridge()).unwrap();
    let error = trainer.step(state, pictures(0, 3)).unwrap_err().to_string();
    assert!(
        error.contains("rendered: expected shape [2, 3, 8, 8]"),
        "{error}"
    );
}
