//! Pictures to look at during a run. Grids are rows of pictures `[rows · columns, 3, r, r]` for
//! [`grid`](clip2gan_train::grid::grid).

use burn::tensor::Tensor;
use clip2gan_stylegan2::NoiseMode;

use super::{MapperState, MapperTrainer};
use crate::bridge::Modality;
use crate::sample;

impl MapperTrainer {
    /// Two rows: `pictures [n, 3, r, r]` in −1..1, and under each what the mapper makes of it.
    pub fn reconstructions(&self, state: &MapperState, pictures: Tensor<4>) -> Tensor<4> {
        let pixels = self.clip.normalize_pixels(pictures.clone());
        let feature = self.clip.encode_image(pixels);
        let feature = state.ema.bridge.centre(feature, Modality::Image);
        let seeds: Vec<u64> = (0..feature.dims()[0] as u64).collect();
        let made = self.draw(state, sample::latents(&state.ema, feature, &seeds, 0.0));
        Tensor::cat(vec![pictures, made], 0)
    }

    /// A row per sentence, a column per seed, from `features [sentences, feature_dim]` of CLIP's text tower. `feature_noise` as in
    /// [`sample::latents`].
    pub fn sentences(
        &self,
        state: &MapperState,
        features: Tensor<2>,
        seeds: &[u64],
        feature_noise: f64,
    ) -> Tensor<4> {
        let features = state.ema.bridge.centre(features, Modality::Text);
        let rows = features
            .split(1, 0)
            .into_iter()
            .map(|feature| {
                let feature = feature.repeat_dim(0, seeds.len());
                self.draw(
                    state,
                    sample::latents(&state.ema, feature, seeds, feature_noise),
                )
            })
            .collect();
        Tensor::cat(rows, 0)
    }

    fn draw(&self, state: &MapperState, ws: Tensor<3>) -> Tensor<4> {
        self.generator(state)
            .synthesis
            .forward(ws, NoiseMode::Const)
    }
}
