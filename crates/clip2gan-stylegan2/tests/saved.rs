//! Generators in folders: what is saved is loaded, and what does not fit is refused at once.

use std::fs;
use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use clip2gan_stylegan2::{Generator, GeneratorConfig, NoiseMode, SynthesisKind};
use clip2gan_train::{NamedGradients, rng};
use clip2gan_weights::Dtype;

fn config() -> GeneratorConfig {
    GeneratorConfig {
        z_dim: 8,
        w_dim: 8,
        resolution: 16,
        channel_base: 64,
        channel_max: 8,
        mapping_layers: 2,
        ..GeneratorConfig::default()
    }
}

#[test]
fn a_generator_is_saved_and_loaded_in_both_precisions() {
    let device = Device::flex();
    let config = config();
    let generator = config.init_seeded(&device, 5);
    let z: Tensor<2> = rng::randn([2, 8], &mut rng::stream(0, "z", 0), &device);
    let image =
        |generator: &Generator| generator.forward(z.clone(), 0.7, NoiseMode::Random { seed: 3 });
    for (dtype, tolerance) in [(Dtype::F32, 0.0), (Dtype::F16, 5e-3)] {
        let dir = tempfile::tempdir().unwrap();
        generator.save(&config, dir.path(), dtype).unwrap();
        let (loaded, found) = Generator::load(dir.path(), &device).unwrap();
        assert_eq!(found, config);
        let difference = (image(&generator) - image(&loaded))
            .abs()
            .max()
            .into_scalar::<f32>();
        assert!(difference <= tolerance, "{dtype}: {difference}");
        fs::write(
            dir.path().join("config.json"),
            "{\"z_dim\": 8, \"w_dimm\": 8}",
        )
        .unwrap();
        assert!(
            Generator::load(dir.path(), &device)
                .unwrap_err()
                .to_string()
                .contains("w_dimm")
        );
    }
}

#[test]
fn a_loaded_generator_learns_as_a_fresh_one() {
    let dir = tempfile::tempdir().unwrap();
    let fresh = config().init(&Device::flex());
    fresh.save(&config(), dir.path(), Dtype::F32).unwrap();
    let (loaded, _) = Generator::load(dir.path(), &Device::flex()).unwrap();
    let [fresh, loaded] = [fresh, loaded].map(|generator| {
        let generator = generator.train();
        let z: Tensor<2> = rng::randn([2, 8], &mut rng::stream(0, "z", 0), &Device::flex());
        let image = generator.forward(z, 1.0, NoiseMode::Const);
        NamedGradients::take(&generator, &mut image.powi_scalar(2).sum().backward()).0
    });
    assert!(fresh.contains_key("mapping.layers.0.weight"));
    assert!(!fresh.contains_key("mapping.w_avg"));
    assert!(fresh.keys().eq(loaded.keys()));
}

/// What is said of a folder whose sizes are these, while its weights are small.
fn refusal(dir: &Path, config: &GeneratorConfig) -> String {
    let text = serde_json::to_string(config).unwrap();
    fs::write(dir.join("config.json"), text).unwrap();
    let error = Generator::load(dir, &Device::flex()).unwrap_err();
    error.to_string()
}

/// Networks of these sizes would take up to terabytes: were one built before it is compared with the file, the test would be
/// killed.
#[test]
fn absurd_sizes_are_refused_before_they_take_memory() {
    let dir = tempfile::tempdir().unwrap();
    let generator = config().init(&Device::flex());
    generator.save(&config(), dir.path(), Dtype::F32).unwrap();
    let largest = GeneratorConfig {
        z_dim: 1 << 20,
        w_dim: 1 << 20,
        c_dim: 1 << 20,
        resolution: 4096,
        channel_base: usize::MAX,
        channel_max: 1 << 20,
        mapping_layers: 256,
        ..config()
    };
    let message = refusal(dir.path(), &largest);
    assert!(message.contains("mapping.embed.bias"), "{message}");
    let wide = GeneratorConfig {
        channel_base: usize::MAX,
        channel_max: 1 << 20,
        ..config()
    };
    let message = refusal(dir.path(), &wide);
    assert!(
        message.contains("synthesis.") && message.contains("1048576"),
        "{message}"
    );
    let other_kind = GeneratorConfig {
        synthesis: SynthesisKind::StyleGan1,
        ..largest
    };
    assert!(refusal(dir.path(), &other_kind).contains("mapping."));
}

#[test]
fn sizes_beyond_any_use_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let most = usize::MAX;
    let config = config();
    for (wrong, expected) in [
        (
            GeneratorConfig {
                z_dim: most,
                ..config.clone()
            },
            "z_dim must be from 1 to 1048576",
        ),
        (
            GeneratorConfig {
                w_dim: 0,
                ..config.clone()
            },
            "w_dim must be from 1 to 1048576, found 0",
        ),
        (
            GeneratorConfig {
                c_dim: most,
                ..config.clone()
            },
            "c_dim must be from 0 to 1048576",
        ),
        (
            GeneratorConfig {
                channel_max: most,
                ..config.clone()
            },
            "channel_max must be from 1",
        ),
        (
            GeneratorConfig {
                channel_base: 15,
                ..config.clone()
            },
            "channel_base must be at least 16",
        ),
        (
            GeneratorConfig {
                img_channels: most,
                ..config.clone()
            },
            "img_channels must be from 1",
        ),
        (
            GeneratorConfig {
                mapping_layers: most,
                ..config.clone()
            },
            "mapping_layers must be from 1 to 256",
        ),
        (
            GeneratorConfig {
                resolution: 8192,
                ..config.clone()
            },
            "resolution must be a power of two",
        ),
    ] {
        let message = refusal(dir.path(), &wrong);
        assert!(message.contains(expected), "{message}");
    }
}
