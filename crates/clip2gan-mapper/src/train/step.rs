//! One step of training.

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use clip2gan_clip::Clip;
use clip2gan_stylegan2::{Generator, GeneratorConfig, NoiseMode};
use clip2gan_train::rng::{self, ChaCha8Rng};
use clip2gan_train::{Cosine, NamedGradients, ema_update};
use serde::{Deserialize, Serialize};

use super::{MapperState, MapperTrainConfig};
use crate::bridge::{Modality, add_noise};
use crate::perceptual::{self, Perception, perceive};
use crate::{Error, Mapper, losses};

/// How many latents are drawn to measure the generator's variance of `w`.
const VARIANCE_SAMPLES: usize = 1024;

/// The frozen surroundings of a mapper in training.
#[derive(Debug)]
pub struct MapperTrainer {
    pub(super) config: MapperTrainConfig,
    pub(super) clip: Clip,
    pub(super) generator: Generator,
    pub(super) generator_config: GeneratorConfig,
    /// Mean over dimensions of the variance of `w`.
    pub(super) w_variance: f64,
}

/// What a step measured. Losses are unweighted; those whose weight is 0 are not computed and stay 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MapperStats {
    /// The step, counted from 1; each line of `stats.jsonl` has it anyway.
    #[serde(skip)]
    pub step: u64,
    /// The learning rate that was used.
    pub learning_rate: f64,
    /// The weighted sum.
    pub loss: f32,
    /// Squared L2.
    pub reconstruction: f32,
    /// Perceptual distance.
    pub perceptual: f32,
    /// `1 − cos` of CLIP's features.
    pub clip: f32,
    /// Distance to known latents, in units of the variance of `w`.
    pub latent: f32,
    /// Distance to `w_avg`, in units of the variance of `w`.
    pub latent_average: f32,
    /// The diversity ratio.
    pub diversity: f32,
    /// Variance of the predicted `w` over the batch, relative to the generator's: near 0 means collapse.
    pub w_variance: f32,
}

impl MapperTrainer {
    /// A trainer around a CLIP and a generator, both of which stay as they are. Both must be on the same device.
    ///
    /// # Errors
    /// [`Error::Argument`] naming a setting that cannot be followed.
    pub fn new(
        config: MapperTrainConfig,
        clip: &Clip,
        (generator, generator_config): (&Generator, &GeneratorConfig),
    ) -> Result<Self, Error> {
        config.validate()?;
        config.mapper(clip.config(), generator_config).validate()?;
        if generator_config.c_dim > 0 {
            return Err(Error::argument(
                "generator",
                "one without classes (c_dim 0)",
                format!("c_dim {}", generator_config.c_dim),
            ));
        }
        // Without autodiff the frozen networks are constants: only the path through activations is differentiated.
        let mut trainer = Self {
            config,
            clip: clip.valid(),
            generator: generator.valid(),
            generator_config: generator_config.clone(),
            w_variance: 1.0,
        };
        let mut rng = rng::stream(trainer.config.seed, "mapper/w_variance", 0);
        let w = trainer.sample_w(VARIANCE_SAMPLES, &mut rng);
        let variance: f32 = w.var(0).mean().into_scalar();
        if !(variance.is_finite() && variance > 0.0) {
            return Err(Error::argument(
                "generator",
                "a mapping network whose w varies with z",
                format!("a variance of {variance}"),
            ));
        }
        trainer.w_variance = f64::from(variance);
        Ok(trainer)
    }

    /// The settings.
    pub fn config(&self) -> &MapperTrainConfig {
        &self.config
    }

    /// The device of the frozen networks, without autodiff.
    pub fn device(&self) -> Device {
        self.generator.mapping.w_avg.val().device()
    }

    /// The rendered pictures of a batch that has none, `[0, 3, r, r]`.
    pub fn no_pictures(&self) -> Tensor<4> {
        let resolution = self.generator_config.resolution;
        Tensor::zeros([0, 3, resolution, resolution], &self.device())
    }

    /// One step: `rendered [rendered_per_batch, 3, r, r]` in −1..1, of the generator's resolution. A pure function: the same
    /// state and pictures give the same next state.
    ///
    /// # Errors
    /// [`Error::Argument`] for a batch of another size; [`Error::Diverged`] when the loss is not a number.
    pub fn step(
        &self,
        state: MapperState,
        rendered: Tensor<4>,
    ) -> Result<(MapperState, MapperStats), Error> {
        let config = &self.config;
        self.check(&rendered)?;
        let mut rng = rng::stream(config.seed, "mapper/step", state.step);

        // Pictures: the generator's own first, whose latents are known, then rendered ones.
        let generated = config.generated_per_batch();
        let (pictures, true_ws) = self.batch(generated, rendered, &mut rng);
        let seen = perceive(&self.clip, pictures.clone());
        let feature = state
            .ema
            .bridge
            .centre(seen.feature.clone(), Modality::Image);

        // The mapper's inputs; the last rows are drawn a second time for the diversity term.
        let pairs = match config.weights.diversity > 0.0 {
            true => config.diversity_pairs,
            false => 0,
        };
        let n = config.batch_size;
        let feature = match pairs {
            0 => feature,
            _ => Tensor::cat(
                vec![feature.clone(), feature.narrow(0, n - pairs, pairs)],
                0,
            ),
        };
        let feature = self.noisy(feature, &mut rng);
        let noise = self.noise(&state, &feature, &true_ws, &mut rng);
        let mapper = state.mapper.train();
        let input = mapper.input(feature, noise);
        let ws = mapper.forward_input(input.clone());
        let images = self
            .generator
            .synthesis
            .forward(ws.clone(), NoiseMode::Const);
        let prediction = Prediction { input, ws, images };
        let target = Target {
            pictures,
            seen,
            true_ws,
        };
        let (total, mut stats) = self.losses(&mapper, prediction, target);
        let step = state.step + 1;
        if !stats.loss.is_finite() {
            return Err(Error::Diverged {
                step,
                loss: stats.loss,
            });
        }
        stats.step = step;
        let schedule = Cosine {
            peak: config.learning_rate,
            floor: 0.0,
            warmup: config.warmup_steps,
            total: config.steps,
        };
        stats.learning_rate = schedule.at(state.step);
        let gradients = NamedGradients::take(&mapper, &mut total.backward());
        let mut adam = state.adam;
        adam.config.lr = stats.learning_rate;
        let mapper = adam.step(mapper, &gradients)?;
        // The average forgets its start quickly at first.
        let beta = config.ema_beta.min(step as f64 / (step as f64 + 10.0));
        let ema = ema_update(state.ema, &mapper, beta)?;
        let mapper = mapper.valid();
        Ok((
            MapperState {
                step,
                mapper,
                ema,
                adam,
            },
            stats,
        ))
    }

    fn check(&self, rendered: &Tensor<4>) -> Result<(), Error> {
        let resolution = self.generator_config.resolution;
        let expected = [self.config.rendered_per_batch(), 3, resolution, resolution];
        if rendered.dims() != expected {
            return Err(Error::argument(
                "rendered",
                format!("shape {expected:?}"),
                format!("{:?}", rendered.dims()),
            ));
        }
        Ok(())
    }

    fn sample_w(&self, n: usize, rng: &mut ChaCha8Rng) -> Tensor<2> {
        let z = rng::randn([n, self.generator_config.z_dim], rng, &self.device());
        self.generator.mapping.forward(z)
    }

    /// The pictures of a step, and the latents `[generated, num_ws, w_dim]` of the first of them.
    fn batch(
        &self,
        generated: usize,
        rendered: Tensor<4>,
        rng: &mut ChaCha8Rng,
    ) -> (Tensor<4>, Option<Tensor<3>>) {
        let rendered = rendered.without_autodiff();
        if generated == 0 {
            return (rendered, None);
        }
        let ws = self.generator.broadcast(self.sample_w(generated, rng));
        let own = self
            .generator
            .synthesis
            .forward(ws.clone(), NoiseMode::Const);
        let pictures = match rendered.dims()[0] {
            0 => own,
            _ => Tensor::cat(vec![own, rendered], 0),
        };
        (pictures, Some(ws))
    }

    fn noisy(&self, feature: Tensor<2>, rng: &mut ChaCha8Rng) -> Tensor<2> {
        let epsilon = rng::randn(feature.dims(), rng, &self.device());
        add_noise(feature, epsilon, self.config.feature_noise)
    }

    /// Noise inputs for `feature [rows, feature_dim]`. Where the true latents are known, `draws` are tried and the one whose
    /// latents come nearest is kept.
    fn noise(
        &self,
        state: &MapperState,
        feature: &Tensor<2>,
        true_ws: &Option<Tensor<3>>,
        rng: &mut ChaCha8Rng,
    ) -> Tensor<2> {
        let device = self.device();
        let (rows, width) = (feature.dims()[0], state.mapper.config().noise_dim);
        let draws = self.config.draws;
        let first = rng::randn([rows, width.max(1)], rng, &device);
        let Some(target) = true_ws.as_ref().filter(|_| draws > 1 && width > 0) else {
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

    fn losses(
        &self,
        mapper: &Mapper,
        prediction: Prediction,
        target: Target,
    ) -> (Tensor<1>, MapperStats) {
        let weights = &self.config.weights;
        let n = self.config.batch_size;
        let Prediction { input, ws, images } = prediction;
        let pairs = images.dims()[0] - n;
        let main = images.clone().narrow(0, 0, n);
        let main_ws = ws.narrow(0, 0, n);
        let mut sum = Sum::default();

        sum.add(weights.reconstruction, || {
            losses::squared_l2(main.clone(), target.pictures)
        });
        if weights.perceptual > 0.0 || weights.clip > 0.0 {
            let seen = perceive(&self.clip, main);
            sum.add(weights.perceptual, || {
                perceptual::distance(&seen.layers, &target.seen.layers)
            });
            sum.add(weights.clip, || {
                losses::cosine(seen.feature, target.seen.feature)
            });
        } else {
            sum.skip(2);
        }
        match target.true_ws {
            Some(true_ws) => sum.add(weights.latent, || {
                let known = main_ws.clone().narrow(0, 0, true_ws.dims()[0]);
                losses::latent(known, true_ws, self.w_variance)
            }),
            None => sum.skip(1),
        }
        sum.add(weights.latent_average, || {
            let w_avg = mapper.w_avg.val().reshape([1, 1, -1]);
            losses::latent(main_ws.clone(), w_avg, self.w_variance)
        });
        match pairs {
            0 => sum.skip(1),
            _ => sum.add(weights.diversity, || {
                let both = |start| {
                    (
                        input.clone().narrow(0, start, pairs),
                        images.clone().narrow(0, start, pairs),
                    )
                };
                let ((f, x), (f1, x1)) = (both(n - pairs), both(n));
                losses::diversity(f, f1, x, x1)
            }),
        }
        let spread = match n {
            1 => Tensor::zeros([1], &self.device()),
            _ => main_ws.inner().var(0).mean() / self.w_variance,
        };
        sum.finish(spread, &self.device())
    }
}

/// What the mapper and the generator made: `batch_size` rows, then the second draws.
struct Prediction {
    input: Tensor<2>,
    ws: Tensor<3>,
    images: Tensor<4>,
}

/// What they should have made.
struct Target {
    pictures: Tensor<4>,
    seen: Perception,
    true_ws: Option<Tensor<3>>,
}

/// The weighted sum of losses, in the order of [`MapperStats`], and their values.
#[derive(Default)]
struct Sum {
    total: Option<Tensor<1>>,
    parts: Vec<Option<Tensor<1>>>,
}

impl Sum {
    fn add(&mut self, weight: f64, loss: impl FnOnce() -> Tensor<1>) {
        if weight == 0.0 {
            return self.skip(1);
        }
        let loss = loss();
        self.parts.push(Some(loss.clone().inner()));
        let weighted = loss * weight;
        self.total = Some(match self.total.take() {
            Some(total) => total + weighted,
            None => weighted,
        });
    }

    fn skip(&mut self, losses: usize) {
        self.parts.extend((0..losses).map(|_| None));
    }

    fn finish(self, spread: Tensor<1>, device: &Device) -> (Tensor<1>, MapperStats) {
        let zero = || Tensor::zeros([1], device);
        let total = self.total.unwrap_or_else(zero);
        let mut values = vec![total.clone().inner()];
        values.extend(self.parts.into_iter().map(|part| part.unwrap_or_else(zero)));
        values.push(spread);
        // One transfer for all of them.
        let values: TensorData = Tensor::cat(values, 0).into_data();
        let values: Vec<f32> = values.iter::<f32>().collect();
        let stats = MapperStats {
            loss: values[0],
            reconstruction: values[1],
            perceptual: values[2],
            clip: values[3],
            latent: values[4],
            latent_average: values[5],
            diversity: values[6],
            w_variance: values[7],
            ..MapperStats::default()
        };
        (total, stats)
    }
}
