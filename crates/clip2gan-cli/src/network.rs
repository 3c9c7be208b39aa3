//! A generator to draw with: a bundle's, one in a folder of its own, or one in a checkpoint of another implementation.

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use clip2gan::bundle::MANIFEST;
use clip2gan::{Bundle, Recipe};
use clip2gan_stylegan2::{Generator, GeneratorConfig, seeds, weights};
use clip2gan_weights::read_checkpoint;

use crate::error::{Failure, Outcome};

/// A generator and what it is called.
pub struct Network {
    /// The generator.
    pub generator: Generator,
    /// Its sizes.
    pub config: GeneratorConfig,
    /// The start of a picture's recipe.
    pub recipe: Recipe,
    device: Device,
}

/// Loads what is at `path`.
pub fn load(path: &Path, device: &Device) -> Outcome<Network> {
    let named = |generator, config, name: &str, hash: &str| Network {
        generator,
        config,
        recipe: Recipe::new("generate", name, hash),
        device: device.clone(),
    };
    if path.join(MANIFEST).is_file() {
        let bundle = Bundle::load(path, device)?;
        let (name, hash) = (bundle.manifest.name.clone(), bundle.hash().to_owned());
        return Ok(named(
            bundle.generator,
            bundle.generator_config,
            &name,
            &hash,
        ));
    }
    let name = path.display().to_string();
    if path.is_file() {
        let found = weights::generator(&read_checkpoint(path)?)
            .map_err(|error| Failure::failed(format!("--network: {name}: {error}")))?;
        return Ok(named(found.build(device)?, found.config, &name, ""));
    }
    if !path.join("config.json").is_file() {
        return Err(
            Failure::failed(format!("--network: no generator in {name}")).expected(
                "the folder of a bundle, or of a generator with config.json and model.safetensors, \
                 or a checkpoint of NVlabs or rosinality",
            ),
        );
    }
    let (generator, config) = Generator::load(path, device)?;
    Ok(named(generator, config, &name, ""))
}

impl Network {
    /// The latents `[1, num_ws, w_dim]` of a seed and, in networks with classes, of a class.
    pub fn ws(&self, seed: u64, class: Option<usize>) -> Outcome<Tensor<3>> {
        let seed = u32::try_from(seed).map_err(|_| {
            Failure::usage(format!("seed {seed} is too large"))
                .expected(format!("at most {}, as upstream", u32::MAX))
        })?;
        let z = seeds::z_of_seed(seed, self.config.z_dim, &self.device);
        let mapping = &self.generator.mapping;
        let w = match self.label(class)? {
            Some(label) => mapping.forward_labelled(z, label),
            None => mapping.forward(z),
        };
        Ok(self.generator.broadcast(w))
    }

    /// `[1, c_dim]`: one at the class, zero elsewhere.
    fn label(&self, class: Option<usize>) -> Outcome<Option<Tensor<2>>> {
        let classes = self.config.c_dim;
        match class {
            None if classes == 0 => Ok(None),
            None => Err(
                Failure::usage("the network has classes, and none was chosen")
                    .expected(format!("--class N with N from 0 to {}", classes - 1)),
            ),
            Some(class) if class < classes => {
                let values: Vec<f32> = (0..classes)
                    .map(|index| f32::from(u8::from(index == class)))
                    .collect();
                let data = TensorData::new(values, [1, classes]);
                Ok(Some(Tensor::from_data(data, &self.device)))
            }
            Some(class) => Err(
                Failure::usage(format!("--class {class}: no such class")).expected(match classes {
                    0 => "no --class: the network has none".into(),
                    _ => format!("0 to {}", classes - 1),
                }),
            ),
        }
    }
}
