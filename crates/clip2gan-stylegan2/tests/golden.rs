//! Networks and gradients against the reference implementation's.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use clip2gan_stylegan2::{
    Discriminator, DiscriminatorConfig, Error, Generator, GeneratorConfig, NoiseMode, Synthesis,
    loss, seeds, weights,
};
use clip2gan_train::params;
use clip2gan_weights::{Arrays, read_safetensors};

fn fixture(name: &str) -> Arrays {
    let dir = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/stylegan2/"
    );
    read_safetensors(format!("{dir}{name}")).unwrap().0
}

fn tensor<const D: usize>(arrays: &Arrays, key: &str) -> Tensor<D> {
    let array = &arrays[key];
    Tensor::from_data(
        TensorData::new(array.to_f32(), array.shape.clone()),
        &Device::flex(),
    )
}

fn generator() -> Generator {
    let config = GeneratorConfig {
        z_dim: 32,
        w_dim: 32,
        resolution: 32,
        img_channels: 3,
        channel_base: 1024,
        channel_max: 32,
        mapping_layers: 2,
        ..GeneratorConfig::default()
    };
    let arrays = weights::generator_from_nvlabs(fixture("nv32_g.safetensors")).unwrap();
    params::load(config.init(&Device::flex()), &arrays).unwrap()
}

fn discriminator() -> Discriminator {
    let config = DiscriminatorConfig {
        resolution: 32,
        channel_base: 1024,
        channel_max: 32,
        ..DiscriminatorConfig::default()
    };
    let arrays = weights::discriminator_from_nvlabs(fixture("nv32_d.safetensors"), 32).unwrap();
    params::load(config.init(&Device::flex()), &arrays).unwrap()
}

/// Largest difference, relative to the largest expected magnitude.
fn relative_error(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(1e-12_f32, |max, x| max.max(x.abs()));
    found
        .iter()
        .zip(expected)
        .fold(0.0_f32, |max, (a, b)| max.max((a - b).abs()))
        / largest
}

fn assert_close<const D: usize>(found: Tensor<D>, arrays: &Arrays, key: &str, tolerance: f32) {
    assert_eq!(found.dims().to_vec(), arrays[key].shape, "{key}");
    let found: Vec<f32> = found.inner().into_data().try_into_vec().unwrap();
    let error = relative_error(&found, &arrays[key].to_f32());
    assert!(error <= tolerance, "{key}: relative error {error:e}");
}

#[test]
fn mapping_and_truncation() {
    let (golden, generator) = (fixture("nv32_golden.safetensors"), generator());
    let ws = generator.broadcast(generator.mapping.forward(tensor(&golden, "z")));
    assert_close(ws.clone(), &golden, "ws", 1e-4);
    assert_close(
        generator.truncate(ws.clone(), 0.7, None),
        &golden,
        "ws_psi07",
        1e-4,
    );
    assert_close(
        generator.truncate(ws, 0.7, Some(4)),
        &golden,
        "ws_psi07_cut4",
        1e-4,
    );
}

#[test]
fn synthesis() {
    let (golden, generator) = (fixture("nv32_golden.safetensors"), generator());
    let ws: Tensor<3> = tensor(&golden, "ws");
    let Synthesis::Modulated(network) = &generator.synthesis else {
        panic!("a network of StyleGAN2's kind");
    };
    for (block, resolution) in network
        .features(ws.clone(), NoiseMode::Const)
        .into_iter()
        .zip([4, 8, 16, 32])
    {
        assert_close(
            block.features,
            &golden,
            &format!("feat_b{resolution}"),
            1e-4,
        );
        assert_close(
            block.rgb.unwrap(),
            &golden,
            &format!("rgb_b{resolution}"),
            1e-4,
        );
    }
    assert_close(
        generator.synthesis.forward(ws.clone(), NoiseMode::Const),
        &golden,
        "img_const",
        1e-4,
    );
    assert_close(
        generator.synthesis.forward(ws, NoiseMode::None),
        &golden,
        "img_none",
        1e-4,
    );
    let wplus = tensor(&golden, "wplus");
    assert_close(
        generator.synthesis.forward(wplus, NoiseMode::None),
        &golden,
        "img_wplus_none",
        1e-4,
    );
}

/// Gradients by field path.
struct Collect<'a> {
    gradients: &'a Gradients,
    path: Vec<String>,
    found: BTreeMap<String, Vec<f32>>,
}

impl ModuleVisitor for Collect<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        if !container_type.starts_with("Enum:") {
            self.path.push(name.to_owned());
        }
    }

    fn exit_module(&mut self, _name: &str, container_type: &str) {
        if !container_type.starts_with("Enum:") {
            self.path.pop();
        }
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = param.val().grad(self.gradients) {
            self.found.insert(
                self.path.join("."),
                gradient.into_data().try_into_vec().unwrap(),
            );
        }
    }
}

fn assert_gradients(
    module: &impl Module,
    gradients: &Gradients,
    golden: &Arrays,
    prefix: &str,
    rename: impl Fn(Arrays) -> Result<Arrays, Error>,
    tolerance: f32,
) {
    let mut collect = Collect {
        gradients,
        path: vec![],
        found: BTreeMap::new(),
    };
    module.visit(&mut collect);
    let expected: Arrays = golden
        .iter()
        .filter_map(|(key, array)| Some((key.strip_prefix(prefix)?.to_owned(), array.clone())))
        .collect();
    let expected = rename(expected).unwrap();
    assert!(expected.len() > 15);
    for (key, array) in expected {
        let expected = array.to_f32();
        let Some(found) = collect.found.get(&key) else {
            assert!(expected.iter().all(|&x| x == 0.0), "no gradient of {key}");
            continue;
        };
        let error = relative_error(found, &expected);
        assert!(
            error <= tolerance,
            "{prefix}{key}: relative error {error:e}"
        );
    }
}

fn of_discriminator(arrays: Arrays) -> Result<Arrays, Error> {
    weights::discriminator_from_nvlabs(arrays, 32)
}

/// The reference's names of synthesis parameters come without the network's.
fn of_synthesis(arrays: Arrays) -> Result<Arrays, Error> {
    let named = arrays
        .into_iter()
        .map(|(key, array)| (format!("synthesis.{key}"), array));
    weights::generator_from_nvlabs(named.collect())
}

#[test]
fn discriminator_and_its_gradients() {
    let (golden, discriminator) = (fixture("nv32_golden.safetensors"), discriminator().train());
    let logits = discriminator.forward(tensor(&golden, "d_img"));
    assert_close(logits.clone(), &golden, "d_logits", 1e-4);
    let gradients = loss::real_loss(logits).backward();
    assert_gradients(
        &discriminator,
        &gradients,
        &golden,
        "d_real_grad.",
        of_discriminator,
        1e-4,
    );
}

#[test]
fn r1_is_the_double_backward() {
    let (golden, discriminator) = (fixture("nv32_golden.safetensors"), discriminator().train());
    let r1 = loss::r1(&discriminator, tensor(&golden, "d_img"));
    assert_close(r1.image_gradient, &golden, "r1_input_grad", 1e-4);
    assert_close(r1.penalty, &golden, "r1_penalty", 1e-4);
    // The reference averages over the batch of 8.
    let gradients = (r1.surrogate / 8.0).backward();
    assert_gradients(
        &discriminator,
        &gradients,
        &golden,
        "r1_grad.",
        of_discriminator,
        1e-3,
    );
}

/// The golden was made with the first two latents, constant noise and the loss `mean (length − ½)²`.
#[test]
fn path_lengths_are_the_double_backward() {
    let (golden, generator) = (fixture("nv32_golden.safetensors"), generator().train());
    let ws = tensor::<3>(&golden, "ws").narrow(0, 0, 2);
    let y = tensor(&golden, "pl_noise");
    let paths = loss::path_lengths(&generator.synthesis, ws, NoiseMode::Const, y);
    assert_close(paths.lengths.clone(), &golden, "pl_lengths", 1e-4);
    let deviation = paths.lengths - 0.5;
    let gradients = (deviation.clone() * deviation).mean().backward();
    assert_gradients(
        &generator,
        &gradients,
        &golden,
        "pl_grad.",
        of_synthesis,
        1e-3,
    );
}

/// The reference's 8-bit pictures of seeds 0 to 3, within one level.
#[test]
fn pictures_of_seeds_are_the_references() {
    let expected = fixture("nv32_seeds.safetensors");
    let generator = generator();
    for (psi, noise) in [(1.0, "const"), (1.0, "none"), (0.7, "const"), (0.7, "none")] {
        let mode = if noise == "const" {
            NoiseMode::Const
        } else {
            NoiseMode::None
        };
        let pictures = expected[&format!("u8_psi{psi:.1}_{noise}")].to_f32();
        for (seed, picture) in pictures.chunks_exact(32 * 32 * 3).enumerate() {
            let z = seeds::z_of_seed(seed as u32, 32, &Device::flex());
            let image = generator.forward(z, psi, mode).permute([0, 2, 3, 1]);
            let image: Vec<f32> = image.into_data().try_into_vec().unwrap();
            for (found, expected) in image.iter().zip(picture) {
                let found = (found * 127.5 + 128.0).clamp(0.0, 255.0).trunc();
                assert!(
                    (found - expected).abs() <= 1.0,
                    "seed {seed}, psi {psi}, {noise}: {found} for {expected}"
                );
            }
        }
    }
}
