//! One step of training.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use clip2gan_clip::Clip;
use clip2gan_stylegan2::{
    Discriminator, DiscriminatorConfig, Generator, GeneratorConfig, NoiseMode,
};
use clip2gan_train::{Cosine, NamedGradients, ema_update, rng};

use super::batch::Batch;
use super::stats::Sum;
use super::{Adversary, AdversaryConfig, MapperState, MapperStats, MapperTrainConfig};
use crate::bridge::Modality;
use crate::perceptual::{self, Perception, perceive};
use crate::{Error, Mapper, losses};

/// How many latents are drawn to measure the generator's variance of `w`.
const VARIANCE_SAMPLES: usize = 1024;

/// What surrounds a mapper in training.
#[derive(Debug)]
pub struct MapperTrainer {
    pub(super) config: MapperTrainConfig,
    pub(super) clip: Clip,
    pub(super) generator: Generator,
    pub(super) generator_config: GeneratorConfig,
    discriminator: Option<Discriminator>,
    /// Mean over dimensions of the variance of `w`.
    pub(super) w_variance: f64,
}

impl MapperTrainer {
    /// A trainer around a CLIP and a generator, on one device. CLIP stays as it is, and so does the generator unless
    /// [`adversary`](MapperTrainConfig::adversary) says otherwise.
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
            discriminator: None,
            w_variance: 1.0,
        };
        let mut rng = rng::stream(trainer.config.seed, "mapper/w_variance", 0);
        let w = trainer.sample_w(&trainer.generator, VARIANCE_SAMPLES, &mut rng);
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

    /// The discriminator that an adversarial term starts with: the generator's own, best of all.
    #[must_use]
    pub fn with_discriminator(mut self, discriminator: &Discriminator) -> Self {
        self.discriminator = Some(discriminator.valid());
        self
    }

    /// That discriminator, or a fresh one of the generator's widths.
    pub(super) fn discriminator(&self) -> Discriminator {
        self.discriminator.clone().unwrap_or_else(|| {
            let GeneratorConfig {
                resolution,
                img_channels,
                channel_base,
                channel_max,
                ..
            } = self.generator_config;
            let sizes = DiscriminatorConfig {
                resolution,
                img_channels,
                channel_base,
                channel_max,
                ..DiscriminatorConfig::default()
            };
            sizes.init_seeded(&self.device(), self.config.seed)
        })
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

        let generator = self.drawing(&state);
        let Batch { pictures, own } = self.batch(&generator, rendered.clone(), &mut rng);
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
        let true_ws = own.as_ref().map(|own| own.ws.clone());
        let noise = self.noise(&state, &feature, true_ws.as_ref(), &mut rng);
        let mapper = state.mapper.train();
        let input = mapper.input(feature, noise);
        let ws = mapper.forward_input(input.clone());
        let images = generator.synthesis.forward(ws.clone(), NoiseMode::Const);
        // What the discriminator is shown: the generator's own pictures and those of rendered pictures' features.
        let fake = state.adversary.is_some().then(|| {
            let generated = config.generated_per_batch();
            let mapped = images.clone().narrow(0, generated, n - generated);
            match &own {
                Some(own) => Tensor::cat(vec![own.images.clone(), mapped], 0),
                None => mapped,
            }
        });
        let prediction = Prediction { input, ws, images };
        let target = Target {
            pictures,
            seen,
            true_ws,
        };
        let adversarial = state.adversary.as_ref().zip(fake.clone());
        let (total, mut stats) = self.losses(&mapper, prediction, target, adversarial);
        let step = state.step + 1;
        if !stats.loss.is_finite() {
            return Err(Error::Diverged {
                step,
                loss: stats.loss,
            });
        }
        stats.step = step;
        stats.learning_rate = self.rate(config.learning_rate, state.step);
        let mut gradients = total.backward();
        let mut adam = state.adam;
        adam.config.lr = stats.learning_rate;
        let learnt = NamedGradients::take(&mapper, &mut gradients);
        let mapper = adam.step(mapper, &learnt)?;
        // The average forgets its start quickly at first.
        let beta = config.ema_beta.min(step as f64 / (step as f64 + 10.0));
        let ema = ema_update(state.ema, &mapper, beta)?;
        let mapper = mapper.valid();

        let mut adversary = state.adversary;
        if let (Some(adversary), Some(settings), Some(fake)) =
            (&mut adversary, &config.adversary, fake)
        {
            if settings.tunes_generator() {
                let learnt = NamedGradients::take(&generator, &mut gradients);
                let rate = self.rate(settings.generator_learning_rate, state.step);
                let w = own.map(|own| own.w);
                adversary.update_generator((generator, &learnt), rate, w, beta)?;
            }
            let rate = self.rate(settings.learning_rate, state.step);
            let shown = (rendered.without_autodiff(), fake.without_autodiff());
            stats.discriminator =
                adversary.update_discriminator(shown, settings, state.step, rate)?;
        }
        Ok((
            MapperState {
                step,
                mapper,
                ema,
                adam,
                adversary,
            },
            stats,
        ))
    }

    /// The generator that draws in a step; with autodiff if it learns.
    fn drawing(&self, state: &MapperState) -> Generator {
        let tunes = |settings: &AdversaryConfig| settings.tunes_generator();
        match &state.adversary {
            Some(adversary) if self.config.adversary.as_ref().is_some_and(tunes) => {
                adversary.generator.clone().train()
            }
            _ => self.generator.clone(),
        }
    }

    /// A learning rate, of which `peak` is the highest, in the step numbered `step` from 0.
    fn rate(&self, peak: f64, step: u64) -> f64 {
        let schedule = Cosine {
            peak,
            floor: 0.0,
            warmup: self.config.warmup_steps,
            total: self.config.steps,
        };
        schedule.at(step)
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

    fn losses(
        &self,
        mapper: &Mapper,
        prediction: Prediction,
        target: Target,
        adversarial: Option<(&Adversary, Tensor<4>)>,
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
        match (adversarial, &self.config.adversary) {
            (Some((adversary, fake)), Some(settings)) => {
                sum.add(settings.weight, || adversary.judge(fake));
            }
            _ => sum.skip(1),
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
