//! The mapping network M of CLIP2GAN (arXiv 2211.15045, section 3): CLIP feature in, StyleGAN2 latents out.
//!
//! Fully connected layers with LeakyReLU(0.2), as in the paper. Deviations: the network predicts an *offset* from the
//! generator's `w_avg` with a head that starts small (a mapper that starts at the origin tends to collapse to one picture); a
//! noise vector stands beside the feature, so that one feature has many pictures; the head may give one `w` per layer (W+).

use burn::module::{Module, Param, ParamId};
use burn::tensor::activation::leaky_relu;
use burn::tensor::{Device, Tensor, TensorData};
use clip2gan_train::rng;

use crate::bridge::Bridge;
use crate::{Error, Head, MapperConfig};

/// Slope of LeakyReLU below zero.
const SLOPE: f64 = 0.2;
/// The head starts this much smaller than the layers before it, so that training starts at `w_avg`.
const HEAD_GAIN: f64 = 0.01;

/// `x · weight + bias`.
#[derive(Module, Debug)]
pub struct FullyConnected {
    /// `[in, out]`
    pub weight: Param<Tensor<2>>,
    /// `[out]`
    pub bias: Param<Tensor<1>>,
}

impl FullyConnected {
    /// Weights from N(0, gain² / fan_in), or zero without a seed; bias zero.
    fn new(
        fan_in: usize,
        fan_out: usize,
        gain: f64,
        (seed, name): (Option<u64>, &str),
        device: &Device,
    ) -> Self {
        let std = (gain / (fan_in as f64).sqrt()) as f32;
        let mut weight = match seed {
            Some(seed) => rng::normal(&mut rng::stream(seed, name, 0), fan_in * fan_out),
            None => vec![0.0; fan_in * fan_out],
        };
        weight.iter_mut().for_each(|value| *value *= std);
        Self {
            weight: Param::from_data(TensorData::new(weight, [fan_in, fan_out]), device),
            bias: Param::from_data(TensorData::new(vec![0f32; fan_out], [fan_out]), device),
        }
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        x.matmul(self.weight.val()) + self.bias.val().unsqueeze::<2>()
    }
}

/// From a bridged CLIP feature (see [`Bridge`]) and noise to the generator's latents.
#[derive(Module, Debug)]
pub struct Mapper {
    /// All layers but the last.
    pub layers: Vec<FullyConnected>,
    /// The last layer: the offset from `w_avg`.
    pub head: FullyConnected,
    /// `[w_dim]`: where the mapper starts. A buffer, never trained.
    pub w_avg: Param<Tensor<1>>,
    /// The features' centring statistics: buffers, never trained.
    pub bridge: Bridge,
    #[module(skip)]
    config: MapperConfig,
}

impl Mapper {
    /// Weights are zero without a seed.
    pub(crate) fn new(config: MapperConfig, seed: Option<u64>, device: &Device) -> Self {
        if let Err(error) = config.validate() {
            panic!("{error}");
        }
        // He's gain for LeakyReLU keeps the activations' size through the depth.
        let gain = (2.0 / (1.0 + SLOPE * SLOPE)).sqrt();
        let mut fan_in = config.feature_dim + config.noise_dim;
        let layers = (0..config.num_layers - 1)
            .map(|index| {
                let name = format!("mapper/layers.{index}");
                let layer = FullyConnected::new(fan_in, config.hidden, gain, (seed, &name), device);
                fan_in = config.hidden;
                layer
            })
            .collect();
        let latents = match config.head {
            Head::W => 1,
            Head::WPlus => config.num_ws,
        };
        let head = FullyConnected::new(
            fan_in,
            latents * config.w_dim,
            HEAD_GAIN,
            (seed, "mapper/head"),
            device,
        );
        Self {
            layers,
            head,
            w_avg: buffer(Tensor::zeros([config.w_dim], device)),
            bridge: Bridge::zeros(config.feature_dim, device),
            config,
        }
    }

    /// The sizes it was built with.
    pub fn config(&self) -> &MapperConfig {
        &self.config
    }

    /// The same mapper, predicting offsets from `w_avg [w_dim]`.
    pub fn starting_at(mut self, w_avg: Tensor<1>) -> Result<Self, Error> {
        if w_avg.dims() != [self.config.w_dim] {
            return Err(Error::argument(
                "w_avg",
                format!("shape [{}] (the mapper's w_dim)", self.config.w_dim),
                format!("{:?}", w_avg.dims()),
            ));
        }
        self.w_avg = buffer(w_avg.to_device(&self.w_avg.val().device()));
        Ok(self)
    }

    /// The same mapper with other centring statistics.
    pub fn with_bridge(mut self, bridge: Bridge) -> Result<Self, Error> {
        if bridge.feature_dim() != self.config.feature_dim {
            return Err(Error::argument(
                "bridge",
                format!("means of {} values", self.config.feature_dim),
                bridge.feature_dim(),
            ));
        }
        self.bridge = bridge;
        Ok(self)
    }

    /// What the first layer sees: the feature scaled to unit variance per value, then the noise.
    /// `feature [n, feature_dim]` of norm 1, `noise [n, noise_dim]` from N(0, I) → `[n, feature_dim + noise_dim]`.
    pub fn input(&self, feature: Tensor<2>, noise: Tensor<2>) -> Tensor<2> {
        let feature = feature * (self.config.feature_dim as f64).sqrt();
        match self.config.noise_dim {
            0 => feature,
            _ => Tensor::cat(vec![feature, noise], 1),
        }
    }

    /// `feature [n, feature_dim]` of norm 1, `noise [n, noise_dim]` from N(0, I) → `ws [n, num_ws, w_dim]`.
    ///
    /// # Panics
    /// If the widths are not the configured ones.
    pub fn forward(&self, feature: Tensor<2>, noise: Tensor<2>) -> Tensor<3> {
        self.forward_input(self.input(feature, noise))
    }

    /// As [`forward`](Self::forward), from what [`input`](Self::input) gave.
    pub fn forward_input(&self, input: Tensor<2>) -> Tensor<3> {
        let [n, _] = input.dims();
        let MapperConfig { w_dim, num_ws, .. } = self.config;
        let hidden = self
            .layers
            .iter()
            .fold(input, |x, layer| leaky_relu(layer.forward(x), SLOPE));
        let offset = self.head.forward(hidden);
        let offset = match self.config.head {
            Head::W => offset.reshape([n, 1, w_dim]).expand([n, num_ws, w_dim]),
            Head::WPlus => offset.reshape([n, num_ws, w_dim]),
        };
        offset + self.w_avg.val().reshape([1, 1, w_dim])
    }
}

/// A parameter that is stored with the others but never trained.
pub(crate) fn buffer<const D: usize>(value: Tensor<D>) -> Param<Tensor<D>> {
    Param::initialized(ParamId::new(), value.without_autodiff())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(head: Head, noise_dim: usize) -> MapperConfig {
        MapperConfig {
            noise_dim,
            hidden: 24,
            head,
            ..MapperConfig::new(16, 10, 6)
        }
    }

    fn randn<const D: usize>(name: &str, shape: [usize; D]) -> Tensor<D> {
        rng::randn(shape, &mut rng::stream(0, name, 0), &Device::flex())
    }

    fn feature(n: usize) -> Tensor<2> {
        clip2gan_clip::normalize(randn("feature", [n, 16]))
    }

    fn largest<const D: usize>(x: Tensor<D>) -> f32 {
        x.abs().max().into_scalar()
    }

    #[test]
    fn shapes_of_both_heads() {
        let device = Device::flex();
        for head in [Head::W, Head::WPlus] {
            for noise_dim in [0, 4] {
                let mapper = config(head, noise_dim).init(&device);
                assert_eq!(mapper.layers.len() + 1, 12);
                let ws = mapper.forward(feature(3), randn("noise", [3, noise_dim.max(1)]));
                assert_eq!(ws.dims(), [3, 6, 10]);
                let first = ws.clone().narrow(1, 0, 1).repeat_dim(1, 6);
                assert_eq!(largest(ws - first) == 0.0, head == Head::W);
            }
        }
    }

    #[test]
    fn starts_near_w_avg() {
        let w_avg = randn("w_avg", [10]);
        let mapper = config(Head::WPlus, 4)
            .init(&Device::flex())
            .starting_at(w_avg.clone())
            .unwrap();
        let ws = mapper.forward(feature(32), randn("noise", [32, 4]));
        let offset = largest(ws.clone() - w_avg.reshape([1, 1, 10]));
        assert!(offset > 0.0 && offset < 0.1, "{offset}");
    }

    #[test]
    fn noise_and_feature_both_matter() {
        let mapper = config(Head::W, 4).init(&Device::flex());
        let ws = mapper.forward(feature(1), randn("noise", [1, 4]));
        let noise = mapper.forward(feature(1), randn("other noise", [1, 4]));
        let feature = mapper.forward(feature(1).neg(), randn("noise", [1, 4]));
        assert!(largest(ws.clone() - noise) > 1e-3 && largest(ws - feature) > 1e-3);
    }

    #[test]
    fn the_seed_decides_the_weights() {
        let weights = |seed| {
            let mapper = config(Head::W, 4).init_with_seed(seed, &Device::flex());
            mapper.forward(feature(1), randn("noise", [1, 4]))
        };
        assert_eq!(largest(weights(1) - weights(1)), 0.0);
        assert!(largest(weights(1) - weights(2)) > 0.0);
    }

    #[test]
    fn other_widths_are_named() {
        let mapper = config(Head::W, 4).init(&Device::flex());
        let error = mapper.starting_at(randn("w_avg", [9])).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("w_avg: expected shape [10]") && text.contains("[9]"),
            "{text}"
        );
    }

    #[test]
    fn a_folder_gives_the_mapper_back() {
        let device = Device::flex();
        let dir = tempfile::tempdir().unwrap();
        let mapper = config(Head::WPlus, 4)
            .init(&device)
            .starting_at(randn("w_avg", [10]))
            .unwrap()
            .with_bridge(Bridge::new(randn("image", [16]), randn("text", [16])))
            .unwrap();
        let draw = |mapper: &Mapper| {
            let feature = mapper.bridge.centre(feature(2), crate::Modality::Text);
            mapper.forward(feature, randn("noise", [2, 4]))
        };
        for (dtype, tolerance) in [
            (clip2gan_weights::Dtype::F32, 0.0),
            (clip2gan_weights::Dtype::F16, 2e-3),
        ] {
            mapper.save(dir.path(), dtype).unwrap();
            let loaded = Mapper::load(dir.path(), &device).unwrap();
            assert_eq!(loaded.config(), mapper.config());
            assert!(largest(draw(&loaded) - draw(&mapper)) <= tolerance);
        }
        std::fs::write(dir.path().join("config.json"), "{}").unwrap();
        let error = Mapper::load(dir.path(), &device).unwrap_err().to_string();
        assert!(error.contains("config.json: not a mapper's"), "{error}");
    }
}
