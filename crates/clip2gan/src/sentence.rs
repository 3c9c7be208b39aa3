//! From sentences to what the mapper takes.

use burn::tensor::Tensor;
use clip2gan_mapper::memory::mixtures;
use clip2gan_mapper::{Modality, bridge::normalize};

use crate::bundle::Bundle;
use crate::{Error, Note};

impl Bundle {
    /// A sentence's feature as the text tower gives it, `[1, feature_dim]`, and what to know about it. `name` is the option it came
    /// from.
    pub(crate) fn sentence(
        &self,
        name: &'static str,
        text: &str,
    ) -> Result<(Tensor<2>, Vec<Note>), Error> {
        if !text.chars().any(char::is_alphanumeric) {
            return Err(Error::option(
                name,
                "a sentence such as \"a smiling person with red hair\"",
                format!("{text:?}"),
            ));
        }
        let (feature, mut tokens) = self.clip.encode_sentences(&self.tokenizer, &[text])?;
        let mut notes = Vec::new();
        if let Some(tokens) = tokens.pop() {
            if !tokens.unknown_words.is_empty() {
                notes.push(Note::UnknownWords(tokens.unknown_words));
            }
            if tokens.truncated {
                let context_length = self.clip.config().text.context_length;
                notes.push(Note::Truncated { context_length });
            }
        }
        Ok((feature, notes))
    }

    /// How many remembered pictures stand in for a sentence; none in a bundle that remembers none.
    pub(crate) fn neighbours(&self, wanted: Option<usize>) -> usize {
        match &self.memory {
            Some(_) => wanted.unwrap_or(self.manifest.defaults.neighbours),
            None => 0,
        }
    }
}

/// A sentence's feature, or the features of the remembered pictures that it describes best.
pub(crate) enum Sentence<'a> {
    Own(&'a Bundle, Tensor<2>),
    Pictures(&'a Bundle, Tensor<2>),
}

impl<'a> Sentence<'a> {
    /// `feature [1, feature_dim]` of the text tower.
    pub fn new(bundle: &'a Bundle, feature: Tensor<2>, neighbours: usize) -> Self {
        match &bundle.memory {
            Some(memory) if neighbours > 0 => {
                Self::Pictures(bundle, memory.nearest(feature, neighbours))
            }
            _ => Self::Own(bundle, feature),
        }
    }

    /// Centred features, `[seeds, feature_dim]`, of which each may be another.
    pub fn draws(&self, seeds: &[u64]) -> Tensor<2> {
        match self {
            Self::Own(..) => self.mean().repeat_dim(0, seeds.len()),
            Self::Pictures(bundle, features) => {
                let mixed = mixtures(features, seeds);
                bundle.mapper.bridge.centre(mixed, Modality::Image)
            }
        }
    }

    /// The one centred feature, `[1, feature_dim]`, that stands for all.
    pub fn mean(&self) -> Tensor<2> {
        match self {
            Self::Own(bundle, feature) => {
                let bridge = &bundle.mapper.bridge;
                bridge.centre(feature.clone(), Modality::Text)
            }
            Self::Pictures(bundle, features) => {
                let mean = normalize(features.clone().mean_dim(0));
                bundle.mapper.bridge.centre(mean, Modality::Image)
            }
        }
    }
}
