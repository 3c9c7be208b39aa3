//! The two towers together (Radford et al. 2021, section 2.4).

use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};
use clip2gan_kernels::on_workers;
use clip2gan_train::rng;

use crate::layers::{EmbeddingTable, Init, LayerNormalization, Transformer};
use crate::vision::ImageEncoder;
use crate::{ClipConfig, Error, TextConfig, Tokenizer, Tokens, token_batch};

/// An image encoder and a text encoder with a common embedding space. The text encoder's parts stand here, as in
/// OpenAI's state dictionary.
#[derive(Module, Debug)]
pub struct Clip {
    /// The image encoder.
    pub visual: ImageEncoder,
    /// A row for each token.
    pub token_embedding: EmbeddingTable,
    /// `[context_length, width]`.
    pub positional_embedding: Param<Tensor<2>>,
    /// The blocks of the text encoder.
    pub transformer: Transformer,
    /// After the last block.
    pub ln_final: LayerNormalization,
    /// `[width, embed_dim]`.
    pub text_projection: Param<Tensor<2>>,
    /// Logarithm of the factor on the cosines: `[1]`.
    pub logit_scale: Param<Tensor<1>>,
    #[module(skip)]
    config: ClipConfig,
}

impl ClipConfig {
    /// A model with the initial values of section 2.5, drawn from seed 0.
    ///
    /// # Panics
    /// If [`ClipConfig::validate`] finds fault with the sizes.
    pub fn init(&self, device: &Device) -> Clip {
        self.init_seeded(0, device)
    }

    /// A model with the initial values of section 2.5, drawn from `seed`.
    ///
    /// # Panics
    /// If [`ClipConfig::validate`] finds fault with the sizes.
    pub fn init_seeded(&self, seed: u64, device: &Device) -> Clip {
        let rng = Some(rng::stream(seed, "clip.init", 0));
        self.build(&mut Init { rng, device })
    }

    pub(crate) fn build(&self, init: &mut Init) -> Clip {
        let TextConfig {
            context_length,
            vocab_size,
            width,
            layers,
            heads,
        } = self.text;
        Clip {
            visual: ImageEncoder::new(self, init),
            token_embedding: EmbeddingTable::new(vocab_size, width, init),
            positional_embedding: init.normal([context_length, width], 0.01),
            transformer: Transformer::new([width, heads, layers], self.activation, init),
            ln_final: LayerNormalization::new(width, init),
            text_projection: init.normal([width, self.embed_dim], (width as f32).powf(-0.5)),
            logit_scale: init.constant([1], INITIAL_LOGIT_SCALE),
            config: self.clone(),
        }
    }
}

/// `ln(1 / 0.07)`.
const INITIAL_LOGIT_SCALE: f32 = 2.659_26;

impl Clip {
    /// The sizes it was made with.
    pub fn config(&self) -> &ClipConfig {
        &self.config
    }

    /// The same model for pictures of `image_size` × `image_size` pixels, a multiple of the patch size: the image encoder's
    /// positional embeddings are resampled as open_clip's `resize_pos_embed` does, antialiased bicubic.
    ///
    /// # Errors
    /// [`Error::Config`] if the size does not fit the patches.
    pub fn with_image_size(mut self, image_size: usize) -> Result<Self, Error> {
        let from = self.config.vision.grid();
        self.config.vision.image_size = image_size;
        self.config.validate()?;
        let to = self.config.vision.grid();
        if from != to {
            self.visual = self.visual.with_grid(from, to);
        }
        Ok(self)
    }

    /// `[batch, 3, image_size, image_size]`, normalised by [`Clip::normalize_pixels`] or [`crate::preprocess`] →
    /// `[batch, embed_dim]`, not of unit length (see [`normalize`]).
    pub fn encode_image(&self, pixels: Tensor<4>) -> Tensor<2> {
        on_workers(|| self.visual.forward(pixels))
    }

    /// `[batch, length]` token ids, `length` at most the context → `[batch, embed_dim]`, not of unit length.
    ///
    /// The feature is taken at the *first* token with the highest id of its row (the end token). Because of the causal
    /// mask nothing after it matters, so padding may be cut to the longest text of a batch.
    pub fn encode_text(&self, ids: Tensor<2, Int>) -> Tensor<2> {
        on_workers(|| self.text_features(ids))
    }

    fn text_features(&self, ids: Tensor<2, Int>) -> Tensor<2> {
        let [batch, length] = ids.dims();
        let tokens = self.embed_text(ids.clone());
        let tokens = self.transformer.forward(tokens, true);
        let [_, _, width] = tokens.dims();
        let starts = Tensor::<1, Int>::arange(0..batch as i64, &ids.device()) * length as i64;
        let rows = end_positions(ids) + starts;
        let ends = tokens.reshape([batch * length, width]).select(0, rows);
        self.ln_final
            .forward(ends)
            .matmul(self.text_projection.val())
    }

    /// Tokenizes and encodes sentences → `[sentences, embed_dim]`, not of unit length, and the tokens, which say what
    /// was cut off or never seen.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] if the tokenizer fails; [`Error::Shape`] if there is no sentence or the tokenizer has more
    /// tokens than the model.
    pub fn encode_sentences(
        &self,
        tokenizer: &Tokenizer,
        sentences: &[impl AsRef<str>],
    ) -> Result<(Tensor<2>, Vec<Tokens>), Error> {
        let TextConfig {
            context_length,
            vocab_size,
            ..
        } = self.config.text;
        if tokenizer.vocab_size() > vocab_size {
            return Err(Error::Shape {
                what: "the tokenizer's vocabulary",
                expected: format!("at most {vocab_size} tokens, as the model has"),
                found: tokenizer.vocab_size().to_string(),
            });
        }
        if sentences.is_empty() {
            return Err(Error::Shape {
                what: "sentences to encode",
                expected: "at least one".into(),
                found: "none".into(),
            });
        }
        let tokens = sentences
            .iter()
            .map(|s| tokenizer.encode(s.as_ref(), context_length))
            .collect::<Result<Vec<_>, _>>()?;
        Ok((self.encode_tokens(&tokens), tokens))
    }

    /// What goes into the text tower's first block, and what comes out of each, for `ids [batch, length]`: all
    /// `[batch, length, width]`.
    pub fn text_hidden_states(&self, ids: Tensor<2, Int>) -> Vec<Tensor<3>> {
        self.transformer.hidden_states(self.embed_text(ids), true)
    }

    /// Tokens at their positions.
    fn embed_text(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        let [_, length] = ids.dims();
        let positions = self.positional_embedding.val();
        let positions = positions.slice_dim(0, 0..length).unsqueeze();
        self.token_embedding.forward(ids) + positions
    }

    /// [`Clip::encode_text`] of texts of different lengths, the short ones apart from the long ones: most of the work
    /// would otherwise go into padding. `[texts, embed_dim]` in the order given.
    fn encode_tokens(&self, tokens: &[Tokens]) -> Tensor<2> {
        let device = self.positional_embedding.val().device();
        let mut order: Vec<usize> = (0..tokens.len()).collect();
        order.sort_by_key(|&i| tokens[i].length);
        let features = order
            .chunks(TEXTS_AT_ONCE)
            .map(|chunk| {
                let texts: Vec<Tokens> = chunk.iter().map(|&i| tokens[i].clone()).collect();
                self.encode_text(token_batch(&texts, &device))
            })
            .collect();
        let mut places = vec![0i32; order.len()];
        for (place, &i) in (0..).zip(&order) {
            places[i] = place;
        }
        let count = places.len();
        let places = Tensor::<1, Int>::from_data(TensorData::new(places, [count]), &device);
        Tensor::cat(features, 0).select(0, places)
    }
}

/// Texts of similar length that are encoded together.
const TEXTS_AT_ONCE: usize = 16;

/// Rows of unit length: `[rows, channels]`, and so is the result.
pub fn normalize(features: Tensor<2>) -> Tensor<2> {
    let norm = features
        .clone()
        .square()
        .sum_dim(1)
        .add_scalar(1e-12)
        .sqrt();
    features / norm
}

/// Where in each row the highest id stands for the first time: `[batch, length]` → `[batch]`. Spelt out because an
/// argmax may return any of several equal places, and some tokenizers pad with the end token.
fn end_positions(ids: Tensor<2, Int>) -> Tensor<1, Int> {
    let [batch, length] = ids.dims();
    let highest = ids.clone().max_dim(1).expand([batch, length]);
    let places = Tensor::<1, Int>::arange(0..length as i64, &ids.device())
        .unsqueeze::<2>()
        .expand([batch, length]);
    let lower = ids.lower(highest);
    places
        .mask_fill(lower, length as i64)
        .min_dim(1)
        .reshape([batch])
}
