//! Latents of a training batch, with style mixing (StyleGAN, section 3.1).

use burn::tensor::{Device, Tensor};
use clip2gan_train::rng;
use rand::RngExt;

use crate::train::{RealBatch, TrainConfig};
use crate::{Generator, NoiseMode};

/// What a generator needs to draw one training batch.
pub(crate) struct Latents {
    /// `[n, num_ws, w_dim]`.
    pub ws: Tensor<3>,
    /// `[n, w_dim]`: the first style, for the running mean.
    pub w: Tensor<2>,
    /// `[n, c_dim]`: labels, in conditional runs.
    pub labels: Option<Tensor<2>>,
    /// Fresh noise.
    pub noise: NoiseMode,
}

/// Draws `batch` latents of `phase` in step `step`, with labels from among those of `real`: a pure function of the seed,
/// these names, labels and the generator.
///
/// With probability `style_mixing` the layers from a uniformly drawn cutoff on take a second style, of the same label.
pub(crate) fn draw(
    generator: &Generator,
    config: &TrainConfig,
    real: &RealBatch,
    batch: usize,
    phase: &str,
    step: u64,
    device: &Device,
) -> Latents {
    let labels = real.draw_labels(batch, config, phase, step);
    let mut rng = rng::stream(config.seed, phase, step);
    let num_ws = generator.num_ws();
    let noise = noise(config, rng.random());
    let mixed = rng.random::<f32>() < config.style_mixing;
    let cutoff = rng.random_range(1..num_ws);
    if !mixed {
        let z = rng::randn([batch, config.z_dim], &mut rng, device);
        let w = generator.mapping.styles(z, labels.clone());
        return Latents {
            ws: generator.broadcast(w.clone()),
            w,
            labels,
            noise,
        };
    }
    let z = rng::randn([2 * batch, config.z_dim], &mut rng, device);
    let twice = labels.clone().map(|labels| labels.repeat_dim(0, 2));
    let both = generator.mapping.styles(z, twice);
    let [w, other]: [Tensor<2>; 2] = [0, batch].map(|start| both.clone().narrow(0, start, batch));
    let repeat = |w: Tensor<2>, layers| w.unsqueeze_dim::<3>(1).repeat_dim(1, layers);
    let ws = Tensor::cat(
        vec![repeat(w.clone(), cutoff), repeat(other, num_ws - cutoff)],
        1,
    );
    Latents {
        ws,
        w,
        labels,
        noise,
    }
}

/// Fresh noise, if there shall be any.
pub(crate) fn noise(config: &TrainConfig, seed: u64) -> NoiseMode {
    match config.noise {
        true => NoiseMode::Random { seed },
        false => NoiseMode::None,
    }
}
