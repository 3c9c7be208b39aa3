//! The three architectures of both networks, against the paper's formulas in plain operations: one modulated weight
//! per image, grouped filters, no shared kernels.

use burn::module::Module;
use burn::tensor::activation::leaky_relu;
use burn::tensor::module::{conv_transpose2d, conv2d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
use burn::tensor::{Device, Tensor};
use clip2gan_stylegan2::layers::{ConvLayer, FullyConnected, SynthesisLayer, ToRgb};
use clip2gan_stylegan2::synthesis::ModulatedSynthesis;
use clip2gan_stylegan2::tangent::Dual;
use clip2gan_stylegan2::train::{TrainConfig, TrainState, step};
use clip2gan_stylegan2::{
    Architecture, Discriminator, DiscriminatorConfig, Generator, GeneratorConfig, NoiseMode,
    Synthesis, loss, weights,
};
use clip2gan_train::{params, rng};

const ALL: [Architecture; 3] = [Architecture::Orig, Architecture::Skip, Architecture::Resnet];

fn generator(architecture: Architecture, conv_clamp: Option<f32>, resolution: usize) -> Generator {
    let config = GeneratorConfig {
        z_dim: 8,
        w_dim: 8,
        resolution,
        channel_base: 128,
        channel_max: 12,
        mapping_layers: 2,
        architecture,
        conv_clamp,
        ..GeneratorConfig::default()
    };
    config.validate().unwrap();
    config.init_seeded(&Device::flex(), 1)
}

fn modulated(generator: &Generator) -> &ModulatedSynthesis {
    match &generator.synthesis {
        Synthesis::Modulated(network) => network,
        Synthesis::Adain(_) => panic!("a network of StyleGAN2's kind"),
    }
}

fn discriminator(
    architecture: Architecture,
    conv_clamp: Option<f32>,
    resolution: usize,
) -> Discriminator {
    let config = DiscriminatorConfig {
        resolution,
        channel_base: 128,
        channel_max: 12,
        architecture,
        conv_clamp,
        ..DiscriminatorConfig::default()
    };
    config.validate().unwrap();
    config.init_seeded(&Device::flex(), 1)
}

fn randn<const D: usize>(name: &str, shape: [usize; D]) -> Tensor<D> {
    rng::randn(shape, &mut rng::stream(3, name, 0), &Device::flex())
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.inner().into_data().try_into_vec().unwrap()
}

fn assert_close<const D: usize>(found: Tensor<D>, expected: Tensor<D>, what: &str) {
    assert_eq!(found.dims(), expected.dims(), "{what}");
    let (found, expected) = (values(found), values(expected));
    let largest = expected.iter().fold(1e-6_f32, |max, x| max.max(x.abs()));
    for (found, expected) in found.iter().zip(&expected) {
        let error = (found - expected).abs() / largest;
        assert!(error <= 2e-4, "{what}: {found} for {expected}");
    }
}

/// `[c, 1, 4, 4]`: the resampling filter for each channel.
fn filter(channels: usize, gain: f32) -> Tensor<4> {
    let taps = Tensor::<1>::from_floats([1.0, 3.0, 3.0, 1.0], &Device::flex()) / 8.0;
    let plane = taps.clone().reshape([4, 1]) * taps.reshape([1, 4]) * gain;
    plane.reshape([1, 1, 4, 4]).repeat_dim(0, channels)
}

fn filtered(x: Tensor<4>, gain: f32, stride: usize, padding: usize) -> Tensor<4> {
    let channels = x.dims()[1];
    let options = ConvOptions::new([stride; 2], [padding; 2], [1; 2], channels);
    conv2d(x, filter(channels, gain), None, options)
}

fn doubled(x: Tensor<4>) -> Tensor<4> {
    let channels = x.dims()[1];
    let options = ConvTransposeOptions::new([2; 2], [1; 2], [0; 2], [1; 2], channels);
    conv_transpose2d(x, filter(channels, 4.0), None, options)
}

fn convolved(x: Tensor<4>, weight: Tensor<4>, stride: usize, padding: usize) -> Tensor<4> {
    let options = ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1);
    conv2d(x, weight, None, options)
}

fn activated(x: Tensor<4>, bias: Tensor<1>, gain: f32) -> Tensor<4> {
    let channels = x.dims()[1];
    leaky_relu(x + bias.reshape([1, channels, 1, 1]), 0.2) * gain
}

/// `[1, i, 1, 1]`.
fn style(affine: &FullyConnected, w: Tensor<2>) -> Tensor<4> {
    let [inputs, width] = affine.weight.dims();
    let style = w.matmul(affine.weight.val().transpose()) / (width as f32).sqrt();
    (style + affine.bias.val().unsqueeze()).reshape([1, inputs, 1, 1])
}

/// A layer for one image.
fn synthesis_layer(
    layer: &SynthesisLayer,
    x: Tensor<4>,
    w: Tensor<2>,
    up: bool,
    gain: f32,
) -> Tensor<4> {
    let weight = layer.weight.val() * style(&layer.affine, w);
    let outputs = weight.dims()[0];
    let square = (weight.clone() * weight.clone()).reshape([outputs as i32, -1]);
    let norm = (square.sum_dim(1) + 1e-8).sqrt();
    let weight = weight / norm.reshape([outputs, 1, 1, 1]);
    let x = if up {
        let options = ConvTransposeOptions::new([2; 2], [0; 2], [0; 2], [1; 2], 1);
        let x = conv_transpose2d(x, weight.swap_dims(0, 1), None, options);
        filtered(x, 4.0, 1, 1)
    } else {
        convolved(x, weight, 1, 1)
    };
    activated(x, layer.bias.val(), gain * 2.0_f32.sqrt())
}

fn to_rgb(layer: &ToRgb, x: Tensor<4>, w: Tensor<2>) -> Tensor<4> {
    let inputs = x.dims()[1];
    let weight = layer.weight.val() * style(&layer.affine, w) / (inputs as f32).sqrt();
    convolved(x, weight, 1, 0) + layer.bias.val().reshape([1, 3, 1, 1])
}

/// The image of `ws [1, num_ws, w_dim]`.
fn synthesis(generator: &Generator, ws: Tensor<3>, architecture: Architecture) -> Tensor<4> {
    let mut latents = (0..ws.dims()[1]).map(|index| ws.clone().narrow(1, index, 1).squeeze_dim(1));
    let mut next = || -> Tensor<2> { latents.next().unwrap() };
    let blocks = &modulated(generator).blocks;
    let mut x: Tensor<4> = blocks[0].constant.as_ref().unwrap().val().unsqueeze();
    let mut image: Option<Tensor<4>> = None;
    let mut w = next();
    for (index, block) in blocks.iter().enumerate() {
        let residual = architecture == Architecture::Resnet && index > 0;
        let gain = if residual { 0.5_f32.sqrt() } else { 1.0 };
        let before = x.clone();
        if let Some(conv0) = &block.conv0 {
            x = synthesis_layer(conv0, x, w, true, 1.0);
            w = next();
        }
        x = synthesis_layer(&block.conv1, x, w, false, gain);
        w = next();
        if residual {
            let weight = block.skip.as_ref().unwrap().weight.val();
            let weight = weight / (before.dims()[1] as f32).sqrt();
            x = x + doubled(convolved(before, weight, 1, 0)) * gain;
        }
        if architecture == Architecture::Skip || index + 1 == blocks.len() {
            let drawn = to_rgb(block.to_rgb.as_ref().unwrap(), x.clone(), w.clone());
            image = Some(match image {
                Some(image) => doubled(image) + drawn,
                None => drawn,
            });
        }
    }
    image.unwrap()
}

#[test]
fn generators_draw_what_the_formulas_say() {
    for architecture in ALL {
        for resolution in [4, 8, 16] {
            let generator = generator(architecture, None, resolution);
            let num_ws = generator.num_ws();
            assert_eq!(num_ws, 2 * resolution.ilog2() as usize - 2);
            let ws = randn("ws", [2, num_ws, 8]);
            let found = generator.synthesis.forward(ws.clone(), NoiseMode::None);
            let expected = (0..2)
                .map(|index| synthesis(&generator, ws.clone().narrow(0, index, 1), architecture))
                .collect();
            let what = format!("{architecture:?} {resolution}");
            assert_close(found, Tensor::cat(expected, 0), &what);
        }
    }
}

fn scaled_weight(layer: &ConvLayer) -> Tensor<4> {
    let [_, inputs, kernel, _] = layer.weight.dims();
    layer.weight.val() / ((inputs * kernel * kernel) as f32).sqrt()
}

fn conv_layer(layer: &ConvLayer, x: Tensor<4>, padding: usize, gain: f32) -> Tensor<4> {
    let bias = layer.bias.as_ref().unwrap().val();
    activated(convolved(x, scaled_weight(layer), 1, padding), bias, gain)
}

fn critic(network: &Discriminator, image: Tensor<4>, architecture: Architecture) -> Tensor<2> {
    let (root, half) = (2.0_f32.sqrt(), 0.5_f32.sqrt());
    let residual = architecture == Architecture::Resnet;
    let mut image = image;
    let mut x = conv_layer(&network.from_rgb, image.clone(), 0, root);
    for (index, block) in network.blocks.iter().enumerate() {
        let before = x.clone();
        x = conv_layer(&block.conv0, x, 1, root);
        x = convolved(filtered(x, 1.0, 1, 2), scaled_weight(&block.conv1), 2, 0);
        let bias = block.conv1.bias.as_ref().unwrap().val();
        x = activated(x, bias, if residual { 1.0 } else { root });
        if residual {
            let weight = scaled_weight(block.skip.as_ref().unwrap());
            x = x + convolved(filtered(before, 1.0, 2, 1), weight, 1, 0) * half;
        }
        if architecture == Architecture::Skip {
            image = filtered(image, 1.0, 2, 1);
            x = x + conv_layer(&network.from_rgbs[index], image.clone(), 0, root);
        }
    }
    network.epilogue.forward(x)
}

#[test]
fn discriminators_judge_as_the_formulas_say() {
    for architecture in ALL {
        for resolution in [4, 8, 16] {
            let network = discriminator(architecture, None, resolution);
            let image = randn("image", [4, 3, resolution, resolution]);
            let expected = critic(&network, image.clone(), architecture);
            let what = format!("{architecture:?} {resolution}");
            assert_close(network.forward(image), expected, &what);
        }
    }
}

/// The tangent pass against the backward pass, which know nothing of each other.
#[test]
fn r1_is_exact_for_every_architecture_and_with_a_clamp() {
    for architecture in ALL {
        for clamp in [None, Some(0.7)] {
            let what = format!("{architecture:?} {clamp:?}");
            let network = discriminator(architecture, clamp, 16).train();
            let image = randn("image", [4, 3, 16, 16]);
            let r1 = loss::r1(&network, image.clone());
            assert!(values(r1.penalty.clone()).iter().all(|&x| x > 0.0));
            assert_close(r1.surrogate, r1.penalty.sum(), &what);
            let direction = randn("direction", [4, 3, 16, 16]);
            let dual = Dual {
                value: image,
                tangent: direction.clone(),
            };
            let tangent = network.valid().forward_dual(dual, None).tangent.sum();
            assert_close(tangent, (r1.image_gradient * direction).sum(), &what);
        }
    }
}

#[test]
fn path_lengths_are_exact_for_every_architecture_and_with_a_clamp() {
    for architecture in ALL {
        for clamp in [None, Some(0.7)] {
            let what = format!("{architecture:?} {clamp:?}");
            let generator = generator(architecture, clamp, 16).train();
            let ws = randn("ws", [2, generator.num_ws(), 8]);
            let y = randn("y", [2, 3, 16, 16]) / 16.0;
            let paths =
                loss::path_lengths(&generator.synthesis, ws, NoiseMode::Random { seed: 4 }, y);
            let gradient = paths.latent_gradient;
            let num_ws = gradient.dims()[1] as f32;
            let square = (gradient.clone() * gradient).reshape([2, -1]).sum_dim(1);
            let expected: Tensor<1> = (square / num_ws).sqrt().squeeze_dim(1);
            assert_close(paths.lengths, expected, &what);
        }
    }
}

#[test]
fn a_clamp_limits_features() {
    let network = generator(Architecture::Skip, Some(0.7), 16);
    let ws = randn("ws", [2, network.num_ws(), 8]);
    let outputs = modulated(&network).features(ws, NoiseMode::None);
    let largest = |x: Tensor<4>| x.abs().max().into_scalar::<f32>();
    assert_eq!(largest(outputs[0].features.clone()), 0.7);
    for output in outputs {
        assert!(largest(output.features) <= 0.7);
    }
}

#[test]
fn every_architecture_trains() {
    for architecture in ALL {
        let config = TrainConfig {
            resolution: 8,
            channel_base: 64,
            channel_max: 8,
            z_dim: 8,
            w_dim: 8,
            mapping_layers: 2,
            batch: 4,
            generator_architecture: architecture,
            discriminator_architecture: architecture,
            ..TrainConfig::default()
        };
        config.validate().unwrap();
        let state = TrainState::new(&config, &Device::flex());
        let before = params::to_arrays(&state.discriminator);
        let (state, stats) = step(state, randn("real", [4, 3, 8, 8]), &config).unwrap();
        assert!(stats.r1_penalty.is_some());
        for (key, array) in params::to_arrays(&state.discriminator) {
            assert!(before[&key] != array, "{architecture:?}: {key} learns");
        }
    }
}

#[test]
fn presets_have_the_papers_widths() {
    let widths = |base: fn(usize) -> GeneratorConfig, resolution| {
        let config = base(resolution);
        config.validate().unwrap();
        let resolutions = config.block_resolutions();
        let channels = resolutions.iter().map(|&r| config.channels(r));
        channels.collect::<Vec<_>>()
    };
    assert_eq!(
        widths(GeneratorConfig::config_f, 1024),
        [512, 512, 512, 512, 512, 256, 128, 64, 32]
    );
    assert_eq!(
        widths(GeneratorConfig::config_e, 1024),
        [512, 512, 512, 512, 256, 128, 64, 32, 16]
    );
    assert_eq!(widths(GeneratorConfig::config_f, 4), [512]);
    assert_eq!(DiscriminatorConfig::config_e(256).channels(256), 64);
    DiscriminatorConfig::config_f(4).validate().unwrap();
}

#[test]
fn other_architectures_are_data_and_the_usual_ones_are_not_written() {
    let usual = serde_json::to_string(&GeneratorConfig::default()).unwrap();
    assert!(!usual.contains("architecture") && !usual.contains("conv_clamp"));
    let config: GeneratorConfig =
        serde_json::from_str(r#"{"architecture": "resnet", "conv_clamp": 256.0}"#).unwrap();
    assert_eq!(config.architecture, Architecture::Resnet);
    let written = serde_json::to_string(&config).unwrap();
    assert_eq!(
        serde_json::from_str::<GeneratorConfig>(&written).unwrap(),
        config
    );
    let wrong = GeneratorConfig {
        conv_clamp: Some(-1.0),
        ..config
    };
    assert!(
        wrong
            .validate()
            .unwrap_err()
            .to_string()
            .contains("conv_clamp")
    );
}

#[test]
fn the_references_names_of_input_skips_are_known() {
    let network = discriminator(Architecture::Skip, None, 16);
    let mut arrays = params::to_arrays(&network);
    let theirs =
        [("from_rgbs.0.weight", "b8"), ("from_rgbs.1.weight", "b4")].map(|(ours, block)| {
            (
                format!("{block}.fromrgb.weight"),
                arrays.remove(ours).unwrap(),
            )
        });
    let ours = weights::discriminator_from_nvlabs(theirs.into_iter().collect(), 16).unwrap();
    assert_eq!(
        ours.keys().collect::<Vec<_>>(),
        ["from_rgbs.0.weight", "from_rgbs.1.weight"]
    );
}
