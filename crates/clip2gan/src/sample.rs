//! Pictures of a sentence: text tower, mapper, generator.

use std::fmt;

use burn::tensor::Tensor;
use clip2gan_mapper::sample;
use clip2gan_stylegan2::NoiseMode;
use image::RgbImage;
use serde::{Deserialize, Serialize};

use crate::bundle::Bundle;
use crate::sentence::Sentence;
use crate::{Error, Recipe, pixels};

/// More pictures than this in one call is taken for a slip of the finger.
pub const MOST: usize = 10_000;
/// Pictures that go through the generator together.
const CHUNK: usize = 16;

/// What to draw. `None` takes the bundle's default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleOptions {
    /// The sentence.
    pub prompt: String,
    /// How many pictures, from 1.
    pub count: usize,
    /// Seed of the first picture; the next ones take the next seeds.
    pub seed: u64,
    /// Truncation ψ, 0..=1: 1 for none, 0 for the mean picture.
    pub truncation: Option<f64>,
    /// Scale s of the noise on the sentence's feature, from 0.
    pub feature_noise: Option<f64>,
    /// Remembered pictures that the sentence's feature is mixed of; 0 takes the sentence's own.
    pub neighbours: Option<usize>,
}

impl SampleOptions {
    /// One picture of a sentence.
    pub fn new(prompt: impl Into<String>, seed: u64) -> Self {
        Self {
            prompt: prompt.into(),
            count: 1,
            seed,
            truncation: None,
            feature_noise: None,
            neighbours: None,
        }
    }
}

/// Something about a sentence that its writer should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Note {
    /// Words that the bundle's training captions never held.
    UnknownWords(Vec<String>),
    /// The sentence was longer than CLIP reads; its end was ignored.
    Truncated {
        /// How many tokens CLIP reads.
        context_length: usize,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownWords(words) => {
                let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
                write!(
                    f,
                    "this bundle has never seen {}; expect little of {}",
                    words.join(", "),
                    if words.len() == 1 { "it" } else { "them" }
                )
            }
            Self::Truncated { context_length } => write!(
                f,
                "the sentence is longer than the {context_length} tokens that this bundle reads; its end was ignored"
            ),
        }
    }
}

/// Pictures, how each was made, and what to know about the sentence.
#[derive(Clone, Debug)]
pub struct Sampled {
    /// The pictures, in the order of their seeds.
    pub images: Vec<RgbImage>,
    /// A recipe for each picture.
    pub recipes: Vec<Recipe>,
    /// What to know about the sentence.
    pub notes: Vec<Note>,
}

impl Bundle {
    /// Draws pictures of a sentence. The picture of a seed does not depend on how many are drawn with it.
    ///
    /// # Errors
    /// [`Error::Option`] naming the option that cannot be used.
    pub fn sample(&self, options: &SampleOptions) -> Result<Sampled, Error> {
        let defaults = &self.manifest.defaults;
        let truncation = check_truncation(options.truncation.unwrap_or(defaults.truncation))?;
        let feature_noise = options.feature_noise.unwrap_or(defaults.feature_noise);
        if !(feature_noise.is_finite() && feature_noise >= 0.0) {
            return Err(Error::option(
                "feature_noise",
                "a number from 0",
                feature_noise,
            ));
        }
        if options.count == 0 || options.count > MOST {
            return Err(Error::option(
                "count",
                format!("1 to {MOST}"),
                options.count,
            ));
        }
        let last = options.seed.checked_add(options.count as u64 - 1);
        let Some(last) = last else {
            let most = u64::MAX - (options.count as u64 - 1);
            return Err(Error::option(
                "seed",
                format!("at most {most}"),
                options.seed,
            ));
        };
        let neighbours = self.neighbours(options.neighbours);
        let (feature, notes) = self.sentence("prompt", &options.prompt)?;
        let feature = Sentence::new(self, feature, neighbours);
        let seeds: Vec<u64> = (options.seed..=last).collect();
        let images = seeds
            .chunks(CHUNK)
            .flat_map(|seeds| {
                let ws = sample::latents(&self.mapper, feature.draws(seeds), seeds, feature_noise);
                self.draw(self.generator.truncate(ws, truncation as f32, None))
            })
            .collect();
        let recipes = seeds
            .iter()
            .map(|&seed| Recipe {
                prompt: Some(options.prompt.clone()),
                seed: Some(seed),
                ..Recipe::new("sample", &self.manifest.name, self.hash())
                    .with("truncation", truncation)
                    .with("feature_noise", feature_noise)
                    .with("neighbours", neighbours)
            })
            .collect();
        Ok(Sampled {
            images,
            recipes,
            notes,
        })
    }

    /// Pictures of `ws [n, num_ws, w_dim]`, with the generator's constant noise.
    pub(crate) fn draw(&self, ws: Tensor<3>) -> Vec<RgbImage> {
        pixels::to_images(self.generator.synthesis.forward(ws, NoiseMode::Const))
    }
}

fn check_truncation(psi: f64) -> Result<f64, Error> {
    if (0.0..=1.0).contains(&psi) {
        return Ok(psi);
    }
    Err(Error::option("truncation", "a number from 0 to 1", psi))
}
