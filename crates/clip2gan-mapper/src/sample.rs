//! From a feature and a seed to latents, at use.

use burn::tensor::Tensor;
use clip2gan_train::rng;

use crate::Mapper;
use crate::bridge::add_noise;

/// Draws a mapper's noise inputs, one row per seed: `[seeds, noise_dim]`. A row depends on its seed alone.
pub fn noise(mapper: &Mapper, seeds: &[u64]) -> Tensor<2> {
    rows(
        seeds,
        "mapper/noise",
        mapper.config().noise_dim.max(1),
        mapper,
    )
}

/// Latents for each row of `feature [n, feature_dim]` (centred, of norm 1; see [`Bridge`](crate::Bridge)) with the seed of
/// the same place: `[n, num_ws, w_dim]`. `feature_noise` is the scale s of the noise on the feature, 0 for none.
///
/// # Panics
/// If there are not as many seeds as rows.
pub fn latents(
    mapper: &Mapper,
    feature: Tensor<2>,
    seeds: &[u64],
    feature_noise: f64,
) -> Tensor<3> {
    let [n, feature_dim] = feature.dims();
    assert_eq!(n, seeds.len(), "one seed for each feature");
    let feature = match feature_noise > 0.0 {
        true => {
            let epsilon = rows(seeds, "mapper/feature_noise", feature_dim, mapper);
            add_noise(feature, epsilon, feature_noise)
        }
        false => feature,
    };
    mapper.forward(feature, noise(mapper, seeds))
}

fn rows(seeds: &[u64], name: &str, width: usize, mapper: &Mapper) -> Tensor<2> {
    let device = mapper.w_avg.val().device().without_autodiff();
    let rows = seeds
        .iter()
        .map(|&seed| rng::randn([1, width], &mut rng::stream(seed, name, 0), &device))
        .collect();
    Tensor::cat(rows, 0)
}
