//! Changing a picture by a sentence (CLIP2GAN, section 3.3).
//!
//! The picture is first found among those that the bundle can draw: its feature is mapped with several draws of the mapper's noise
//! input, and the draw whose picture is nearest is kept. The sentences go through the mapper with that same noise.

use burn::tensor::{Int, Tensor};
use clip2gan_mapper::perceptual::{self, perceive};
use clip2gan_mapper::{EditForm, Modality, edit, losses, sample};
use clip2gan_stylegan2::NoiseMode;
use image::RgbImage;
use serde::{Deserialize, Serialize};

use crate::bundle::Bundle;
use crate::sentence::Sentence;
use crate::{Error, Note, Recipe, pixels};

/// How to change a picture. `None` takes the bundle's default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EditOptions {
    /// What should become true of the picture, such as "wearing sunglasses".
    pub prompt: String,
    /// α: 0 changes nothing, 1 is the usual strength, less than 0 goes the other way.
    pub strength: Option<f64>,
    /// The sentence that the prompt is compared with in the difference form.
    pub neutral: Option<String>,
    /// The difference form or the paper's sum.
    pub form: EditForm,
    /// Seed of the noise that is tried.
    pub seed: u64,
    /// How many draws of the noise are tried, from 1.
    pub tries: usize,
    /// Remembered pictures that the sentences' features are means of; 0 takes the sentences' own.
    pub neighbours: Option<usize>,
}

impl EditOptions {
    /// An edit of usual strength in the difference form.
    pub fn new(prompt: impl Into<String>) -> Self {
        Self {
            prompt: prompt.into(),
            strength: None,
            neutral: None,
            form: EditForm::Difference,
            seed: 0,
            tries: 16,
            neighbours: None,
        }
    }
}

/// A changed picture.
#[derive(Clone, Debug)]
pub struct Edited {
    /// The picture as the bundle draws it, unchanged.
    pub reconstruction: RgbImage,
    /// The picture after the edit.
    pub image: RgbImage,
    /// How it was made (the picture it was made from is not in it).
    pub recipe: Recipe,
    /// What to know about the sentences.
    pub notes: Vec<Note>,
}

impl Bundle {
    /// Changes a picture by a sentence. A strength of 0 gives the reconstruction.
    ///
    /// # Errors
    /// [`Error::Option`] naming the option that cannot be used.
    pub fn edit(&self, image: &RgbImage, options: &EditOptions) -> Result<Edited, Error> {
        let defaults = &self.manifest.defaults;
        let strength = options.strength.unwrap_or(defaults.strength);
        if !strength.is_finite() {
            return Err(Error::option("strength", "a number", strength));
        }
        let neutral = options.neutral.as_deref().unwrap_or(&defaults.neutral);
        let neighbours = self.neighbours(options.neighbours);
        let (attribute, mut notes) = self.sentence("prompt", &options.prompt)?;
        let attribute = Sentence::new(self, attribute, neighbours).mean();
        let (ws, noise) = self.invert(image, options.seed, options.tries)?;
        let attribute = self.mapper.forward(attribute, noise.clone());
        let edited = match options.form {
            EditForm::Sum => edit::sum(ws.clone(), attribute, strength),
            EditForm::Difference => {
                let (neutral, more) = self.sentence("neutral", neutral)?;
                notes.extend(more);
                let neutral = Sentence::new(self, neutral, neighbours).mean();
                let neutral = self.mapper.forward(neutral, noise);
                edit::difference(ws.clone(), attribute, neutral, strength)
            }
        };
        let mut recipe = Recipe::new("edit", &self.manifest.name, self.hash())
            .with("strength", strength)
            .with("tries", options.tries)
            .with("neighbours", neighbours);
        recipe = match options.form {
            EditForm::Sum => recipe.with("form", "sum"),
            EditForm::Difference => recipe.with("form", "difference").with("neutral", neutral),
        };
        recipe.prompt = Some(options.prompt.clone());
        recipe.seed = Some(options.seed);
        let mut images = self.draw(Tensor::cat(vec![ws, edited], 0)).into_iter();
        match (images.next(), images.next()) {
            (Some(reconstruction), Some(image)) => Ok(Edited {
                reconstruction,
                image,
                recipe,
                notes,
            }),
            _ => Err(Error::option(
                "image",
                "a picture that gives latents",
                "none",
            )),
        }
    }

    /// The nearest picture that the mapper can draw: its latents `[1, num_ws, w_dim]` and the noise input that gave them.
    fn invert(
        &self,
        image: &RgbImage,
        seed: u64,
        tries: usize,
    ) -> Result<(Tensor<3>, Tensor<2>), Error> {
        if image.width() == 0 || image.height() == 0 {
            let found = format!("{}×{}", image.width(), image.height());
            return Err(Error::option("image", "a picture with pixels", found));
        }
        if !(1..=256).contains(&tries) {
            return Err(Error::option("tries", "1 to 256", tries));
        }
        let device = self.device();
        let target = pixels::to_tensor(image, self.resolution(), &device);
        let seen = perceive(&self.clip, target.clone());
        let feature = self
            .mapper
            .bridge
            .centre(seen.feature.clone(), Modality::Image);
        let seeds: Vec<u64> = (0..tries as u64).map(|i| seed.wrapping_add(i)).collect();
        let noise = sample::noise(&self.mapper, &seeds);
        let ws = self
            .mapper
            .forward(feature.repeat_dim(0, tries), noise.clone());
        let made = self
            .generator
            .synthesis
            .forward(ws.clone(), NoiseMode::Const);
        let layers = perceive(&self.clip, made.clone()).layers;
        let distances: Vec<Tensor<1>> = (0..tries)
            .map(|row| {
                let one: Vec<Tensor<3>> = layers
                    .iter()
                    .map(|layer| layer.clone().narrow(0, row, 1))
                    .collect();
                losses::squared_l2(made.clone().narrow(0, row, 1), target.clone())
                    + perceptual::distance(&one, &seen.layers)
            })
            .collect();
        let best: Tensor<1, Int> = Tensor::cat(distances, 0).argmin(0);
        Ok((ws.select(0, best.clone()), noise.select(0, best)))
    }
}
