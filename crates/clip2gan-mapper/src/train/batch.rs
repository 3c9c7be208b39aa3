//! What goes into a step: pictures, and the noise of the mapper's input.

use burn::tensor::{Int, Tensor};
use clip2gan_stylegan2::{Generator, NoiseMode};
use clip2gan_train::rng::{self, ChaCha8Rng};

use super::{MapperState, MapperTrainer};
use crate::bridge::add_noise;

/// The pictures of a step.
pub(super) struct Batch {
    /// `[batch_size, 3, r, r]`, without a graph.
    pub pictures: Tensor<4>,
    /// What the generator drew, in the first of them.
    pub own: Option<Own>,
}

/// Pictures of the generator's own.
pub(super) struct Own {
    /// `[generated, w_dim]`, without a graph.
    pub w: Tensor<2>,
    /// The same for every layer, `[generated, num_ws, w_dim]`, without a graph.
    pub ws: Tensor<3>,
    /// `[generated, 3, r, r]`; hangs on the generator's graph, if it learns.
    pub images: Tensor<4>,
}

impl MapperTrainer {
    pub(super) fn sample_w(
        &self,
        generator: &Generator,
        n: usize,
        rng: &mut ChaCha8Rng,
    ) -> Tensor<2> {
        let z = rng::randn([n, self.generator_config.z_dim], rng, &self.device());
        generator.mapping.forward(z)
    }

    /// The pictures of a step: first the generator's own, whose latents are known, then rendered ones.
    pub(super) fn batch(
        &self,
        generator: &Generator,
        rendered: Tensor<4>,
        rng: &mut ChaCha8Rng,
    ) -> Batch {
        let rendered = rendered.without_autodiff();
        let generated = self.config.generated_per_batch();
        if generated == 0 {
            return Batch {
                pictures: rendered,
                own: None,
            };
        }
        let w = self.sample_w(generator, generated, rng);
        let ws = generator.broadcast(w.clone());
        let images = generator.synthesis.forward(ws.clone(), NoiseMode::Const);
        let shown = images.clone().without_autodiff();
        Batch {
            pictures: match rendered.dims()[0] {
                0 => shown,
                _ => Tensor::cat(vec![shown, rendered], 0),
            },
            own: Some(Own {
                w: w.without_autodiff(),
                ws: ws.without_autodiff(),
                images,
            }),
        }
    }

    pub(super) fn noisy(&self, feature: Tensor<2>, rng: &mut ChaCha8Rng) -> Tensor<2> {
        let epsilon = rng::randn(feature.dims(), rng, &self.device());
        add_noise(feature, epsilon, self.config.feature_noise)
    }

    /// Noise inputs for `feature [rows, feature_dim]`. Where the true latents are known, `draws` are tried and the one whose
    /// latents come nearest is kept.
    pub(super) fn noise(
        &self,
        state: &MapperState,
        feature: &Tensor<2>,
        true_ws: Option<&Tensor<3>>,
        rng: &mut ChaCha8Rng,
    ) -> Tensor<2> {
        let device = self.device();
        let (rows, width) = (feature.dims()[0], state.mapper.config().noise_dim);
        let draws = self.config.draws;
        let first = rng::randn([rows, width.max(1)], rng, &device);
        let Some(target) = true_ws.filter(|_| draws > 1 && width > 0) else {
            return first;
        };
        let [known, num_ws, w_dim] = target.dims();
        let tried = rng::randn([draws * known, width], rng, &device);
        let features = feature.clone().narrow(0, 0, known).repeat_dim(0, draws);
        let ws = state.mapper.forward(features, tried.clone());
        let distance = (ws - target.clone().repeat_dim(0, draws))
            .square()
            .reshape([draws, known, num_ws * w_dim])
            .mean_dim(2)
            .reshape([draws, known]);
        let nearest: Tensor<1, Int> = distance.argmin(0).reshape([known]);
        let row = Tensor::arange(0..known as i64, &device) + nearest * known as i64;
        let chosen = tried.select(0, row);
        match rows - known {
            0 => chosen,
            others => Tensor::cat(vec![chosen, first.narrow(0, known, others)], 0),
        }
    }
}
