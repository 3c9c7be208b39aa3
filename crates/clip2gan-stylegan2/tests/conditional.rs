//! Class-conditional networks, against the formulas computed on the host.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use clip2gan_stylegan2::augment::Augmentation;
use clip2gan_stylegan2::layers::FullyConnected;
use clip2gan_stylegan2::{
    DiscriminatorConfig, GeneratorConfig, NoiseMode, loss, tangent::Dual, weights,
};
use clip2gan_train::{NamedGradients, params, rng};
use clip2gan_weights::{Array, Arrays, Dtype};

fn generator() -> GeneratorConfig {
    GeneratorConfig {
        z_dim: 6,
        w_dim: 8,
        c_dim: 3,
        resolution: 8,
        channel_base: 64,
        channel_max: 8,
        mapping_layers: 2,
        ..GeneratorConfig::default()
    }
}

fn discriminator() -> DiscriminatorConfig {
    DiscriminatorConfig {
        c_dim: 3,
        resolution: 8,
        channel_base: 64,
        channel_max: 8,
        mapping_layers: 2,
        ..DiscriminatorConfig::default()
    }
}

fn randn<const D: usize>(name: &str, shape: [usize; D]) -> Tensor<D> {
    rng::randn(shape, &mut rng::stream(3, name, 0), &Device::flex())
}

fn one_hot(classes: &[usize]) -> Tensor<2> {
    let values: Vec<f32> = classes
        .iter()
        .flat_map(|&class| (0..3).map(move |index| f32::from(u8::from(index == class))))
        .collect();
    Tensor::from_data(TensorData::new(values, [classes.len(), 3]), &Device::flex())
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.inner().into_data().try_into_vec().unwrap()
}

fn assert_close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(1e-6_f32, |max, x| max.max(x.abs()));
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() <= 1e-4 * largest,
            "{found} for {expected}"
        );
    }
}

/// One image's fully connected layer.
fn dense(layer: &FullyConnected, x: &[f32], lr_mul: f32, lrelu: bool) -> Vec<f32> {
    let (weight, bias) = (values(layer.weight.val()), values(layer.bias.val()));
    weight
        .chunks_exact(x.len())
        .zip(bias)
        .map(|(row, bias)| {
            let sum: f32 = row.iter().zip(x).map(|(w, x)| w * x).sum();
            let y = lr_mul * (sum / (x.len() as f32).sqrt() + bias);
            match lrelu {
                true => y.max(0.2 * y) * 2.0_f32.sqrt(),
                false => y,
            }
        })
        .collect()
}

fn normalized(x: &[f32]) -> Vec<f32> {
    let square = x.iter().map(|x| x * x).sum::<f32>() / x.len() as f32;
    x.iter().map(|x| x / (square + 1e-8).sqrt()).collect()
}

#[test]
fn the_mapping_network_takes_the_embedded_label_beside_z() {
    let mapping = generator().init_seeded(&Device::flex(), 1).mapping;
    let z = randn("z", [2, 6]);
    let found = values(mapping.forward_labelled(z.clone(), one_hot(&[2, 0])));
    let embed = mapping.embed.as_ref().unwrap();
    for (index, class) in [2, 0].into_iter().enumerate() {
        let z = values(z.clone().narrow(0, index, 1));
        let label = dense(embed, &values(one_hot(&[class])), 1.0, false);
        let x = [normalized(&z), normalized(&label)].concat();
        let w = mapping
            .layers
            .iter()
            .fold(x, |x, layer| dense(layer, &x, 0.01, true));
        assert_close(&found[8 * index..8 * index + 8], &w);
    }
}

#[test]
fn a_label_changes_the_image_and_survives_saving() {
    let (config, device) = (generator(), Device::flex());
    let generator = config.init_seeded(&device, 1);
    let dir = tempfile::tempdir().unwrap();
    generator.save(&config, dir.path(), Dtype::F32).unwrap();
    let (loaded, found) = clip2gan_stylegan2::Generator::load(dir.path(), &device).unwrap();
    assert_eq!(found, config);
    let image = |generator: &clip2gan_stylegan2::Generator, class| {
        let z = randn("z", [1, 6]);
        values(generator.forward_labelled(z, one_hot(&[class]), 1.0, NoiseMode::None))
    };
    assert_eq!(image(&generator, 1), image(&loaded, 1));
    assert_ne!(image(&generator, 1), image(&generator, 2));
}

#[test]
fn the_logit_is_the_projection_on_the_mapped_label() {
    let network = discriminator().init_seeded(&Device::flex(), 1);
    let image = randn("image", [4, 3, 8, 8]);
    let classes = [0, 1, 2, 1];
    let found = values(network.forward_labelled(image.clone(), one_hot(&classes)));
    let x = network.from_rgb.forward(image);
    let x = network.blocks.iter().fold(x, |x, block| block.forward(x));
    let features = values(network.epilogue.forward(x));
    let mapping = network.mapping.as_ref().unwrap();
    let expected: Vec<f32> = classes
        .iter()
        .zip(features.chunks_exact(8))
        .map(|(&class, features)| {
            let label = dense(&mapping.embed, &values(one_hot(&[class])), 1.0, false);
            let direction = mapping
                .layers
                .iter()
                .fold(normalized(&label), |x, layer| dense(layer, &x, 0.01, true));
            let dot: f32 = features.iter().zip(direction).map(|(a, b)| a * b).sum();
            dot / 8.0_f32.sqrt()
        })
        .collect();
    assert_close(&found, &expected);
}

/// The tangent pass along `∇ₓD` gives `‖∇ₓD‖²`, which the backward pass knows as well.
#[test]
fn r1_reaches_the_label_mapping() {
    let network = discriminator().init_seeded(&Device::flex(), 1).train();
    let (image, labels) = (randn("image", [4, 3, 8, 8]), one_hot(&[0, 1, 2, 1]));
    let r1 = loss::r1_labelled(&network, image.clone(), labels.clone());
    let penalty: f32 = values(r1.penalty).iter().sum();
    assert_close(&values(r1.surrogate.clone()), &[penalty]);
    let mut gradients = r1.surrogate.backward();
    let gradients = NamedGradients::take(&network, &mut gradients);
    assert!(gradients.0.contains_key("mapping.layers.1.weight"));
    let direction = randn("direction", [4, 3, 8, 8]);
    let dual = Dual {
        value: image,
        tangent: direction.clone(),
    };
    let tangent = network.valid().forward_dual(dual, Some(labels)).tangent;
    let expected = (r1.image_gradient * direction).sum();
    assert_close(&values(tangent.sum()), &values(expected));
}

/// With labels and augmentation together, gradients are the differences of what they are the gradients of.
#[test]
fn augmented_r1_with_labels_is_exact() {
    let network = discriminator().init_seeded(&Device::flex(), 1);
    let (image, labels) = (randn("image", [4, 3, 8, 8]), one_hot(&[0, 1, 2, 1]));
    let shape = [4, 3, 8];
    let mut draws = rng::stream(3, "augmentation", 0);
    let seen = Augmentation::draw(1.0, shape, &mut draws, &Device::flex());
    let r1 = |arrays: &Arrays| {
        let network = params::load(network.clone(), arrays).unwrap().train();
        let r1 = loss::r1_augmented(&network, image.clone(), Some(labels.clone()), &seen);
        (network, r1)
    };
    let arrays = params::to_arrays(&network);
    let (trained, found) = r1(&arrays);
    let penalty: f32 = values(found.penalty).iter().sum();
    assert_close(&values(found.surrogate.clone()), &[penalty]);

    let direction = randn("direction", [4, 3, 8, 8]);
    let logits = |step: f32| {
        let moved = image.clone() + direction.clone() * step;
        let logits = network.forward_labelled(seen.apply(moved), labels.clone());
        values(logits.sum())[0]
    };
    let difference = (logits(1e-3) - logits(-1e-3)) / 2e-3;
    let derivative = values((found.image_gradient * direction).sum())[0];
    let close = |a: f32, b: f32| (a - b).abs() < 0.02 * b.abs();
    assert!(close(derivative, difference), "{derivative} {difference}");

    // Parameters beyond the last leaky ReLU of the image's way: others move its kinks, where the penalty jumps.
    let gradients = NamedGradients::take(&trained, &mut found.surrogate.backward()).0;
    for key in [
        "mapping.embed.weight",
        "mapping.layers.0.weight",
        "epilogue.out.weight",
    ] {
        // Along the gradient itself the penalty changes most, and rounding matters least.
        let gradient = &gradients[key].values;
        let length = gradient.iter().map(|x| x * x).sum::<f32>().sqrt();
        let size = arrays[key]
            .to_f32()
            .iter()
            .map(|x| x * x)
            .sum::<f32>()
            .sqrt();
        let step = 1e-3 * size;
        let half_penalty = |sign: f32| {
            let mut moved = arrays.clone();
            let pairs = arrays[key].to_f32().into_iter().zip(gradient);
            let moved_values: Vec<f32> = pairs
                .map(|(value, slope)| value + sign * step * slope / length)
                .collect();
            let array = Array::from_f32(arrays[key].shape.clone(), &moved_values);
            moved.insert(key.to_owned(), array);
            values(r1(&moved).1.penalty).iter().sum::<f32>() / 2.0
        };
        let difference = (half_penalty(1.0) - half_penalty(-1.0)) / (2.0 * step);
        assert!(close(length, difference), "{key}: {length} {difference}");
    }
}

#[test]
fn the_references_names_are_known() {
    let theirs = |arrays: Arrays| -> Arrays {
        arrays
            .into_iter()
            .filter(|(key, _)| key.starts_with("mapping."))
            .map(|(key, array)| (key.replace("layers.", "fc"), array))
            .collect()
    };
    let network = generator().init(&Device::flex());
    let arrays = weights::generator_from_nvlabs(theirs(params::to_arrays(&network))).unwrap();
    assert!(arrays.contains_key("mapping.embed.bias"));
    assert!(arrays.contains_key("mapping.layers.1.weight"));
    let network = discriminator().init(&Device::flex());
    let arrays = theirs(params::to_arrays(&network));
    let arrays = weights::discriminator_from_nvlabs(arrays, 8).unwrap();
    assert!(arrays.contains_key("mapping.embed.weight"));
    assert!(arrays.contains_key("mapping.layers.1.bias"));
}
