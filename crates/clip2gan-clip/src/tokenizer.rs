//! Text to token ids: CLIP's lower-cased byte-pair encoding, with the layout of the published vocabulary (256 bytes, the
//! same bytes at the end of a word, merges, start token, end token), so that a published `tokenizer.json` loads the same
//! way as one trained here.

mod clean;

use std::collections::BTreeSet;
use std::path::Path;

use burn::tensor::{Device, Int, Tensor, TensorData};
use serde_json::{Value, json};
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::{
    AddedToken, NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString,
    PreTokenizer, Trainer,
};

use crate::Error;

/// The merges of OpenAI's encoding, a line each; see `vocabulary/README.md`.
const OPENAI_MERGES: &str = include_str!("../vocabulary/merges.txt");
const START: &str = "<|startoftext|>";
const END: &str = "<|endoftext|>";
/// Marks a token that ends a word.
const WORD_END: &str = "</w>";
/// CLIP's words: contractions, runs of letters, single digits, runs of anything else that is not white space.
const WORD: &str =
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";

/// Byte-pair encoding, with the words of its training captions.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    start: u32,
    end: u32,
    /// Empty if nobody wrote them down, as with published tokenizers.
    words: BTreeSet<String>,
}

/// A text as the text encoder wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// Start token, text, end token, then zeros up to the context length.
    pub ids: Vec<u32>,
    /// How many of them come before the padding.
    pub length: usize,
    /// Whether the end of the text was cut off to fit.
    pub truncated: bool,
    /// The words that no training caption had, lower-cased, in order, each once. Empty for a tokenizer that doesn't
    /// know its training captions.
    pub unknown_words: Vec<String>,
}

impl Tokenizer {
    /// Learns a vocabulary of at most `vocab_size` tokens from captions, and remembers their words. The same captions
    /// give the same tokenizer.
    ///
    /// # Errors
    /// [`Error::Config`] if `vocab_size` cannot hold every byte (twice) and the two special tokens: at least 514.
    pub fn train(captions: &[impl AsRef<str> + Sync], vocab_size: usize) -> Result<Self, Error> {
        let alphabet = alphabet();
        if vocab_size < alphabet.len() + 2 {
            return Err(Error::Config {
                field: "text.vocab_size",
                expected: format!("at least {}", alphabet.len() + 2),
                found: vocab_size.to_string(),
            });
        }
        let untrained = from_parts(&indexed(&alphabet), &json!([])).map_err(failed)?;
        // The alphabet goes in as "special tokens": that fixes its order, which the trainer otherwise takes from a hash
        // map, and with it the ids and the choice between equally frequent pairs.
        let special = alphabet
            .iter()
            .map(|token| AddedToken::from(token.as_str(), true));
        let mut trainer = BpeTrainer::builder()
            .vocab_size(vocab_size - 2)
            .min_frequency(2)
            .show_progress(false)
            .special_tokens(special.collect())
            .end_of_word_suffix(WORD_END.into())
            .build();
        trainer
            .feed(captions.iter().map(AsRef::as_ref), |text| {
                byte_words(&untrained, text)
            })
            .map_err(failed)?;
        let mut model = BPE::default();
        trainer.train(&mut model).map_err(failed)?;
        let model = serde_json::to_value(&model).map_err(failed)?;
        let mut tokenizer = from_parts(&model["vocab"], &model["merges"])
            .and_then(Self::new)
            .map_err(failed)?;
        for caption in captions {
            tokenizer
                .words
                .extend(words(&tokenizer.inner, caption.as_ref()));
        }
        Ok(tokenizer)
    }

    /// The tokenizer of OpenAI's models: 49,408 tokens.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] if its own tables are refused.
    pub fn openai() -> Result<Self, Error> {
        let merged = OPENAI_MERGES.lines().map(|merge| merge.replace(' ', ""));
        let vocab: Vec<String> = alphabet().into_iter().chain(merged).collect();
        let merges: Vec<&str> = OPENAI_MERGES.lines().collect();
        from_parts(&indexed(&vocab), &json!(merges))
            .and_then(Self::new)
            .map_err(failed)
    }

    /// Reads `tokenizer.json` and, if it is there, `words.txt` (one word a line) of a folder.
    ///
    /// # Errors
    /// [`Error::File`] or [`Error::Tokenizer`], with the path.
    pub fn load(dir: impl AsRef<Path>) -> Result<Self, Error> {
        let path = dir.as_ref().join("tokenizer.json");
        let bytes = std::fs::read(&path).map_err(|source| Error::File {
            path: path.clone(),
            source,
        })?;
        let mut tokenizer = tokenizers::Tokenizer::from_bytes(bytes)
            .and_then(Self::new)
            .map_err(|e| Error::Tokenizer {
                path: Some(path),
                reason: e.to_string(),
            })?;
        let path = dir.as_ref().join("words.txt");
        match std::fs::read_to_string(&path) {
            Ok(text) => tokenizer.words = text.lines().map(str::to_owned).collect(),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(Error::File { path, source }),
        }
        Ok(tokenizer)
    }

    /// Writes `tokenizer.json` and `words.txt` into a folder that exists.
    ///
    /// # Errors
    /// [`Error::File`] with the path.
    pub fn save(&self, dir: impl AsRef<Path>) -> Result<(), Error> {
        let json = self.inner.to_string(false).map_err(failed)?;
        let words = self
            .words
            .iter()
            .fold(String::new(), |text, word| text + word + "\n");
        for (name, text) in [("tokenizer.json", json), ("words.txt", words)] {
            let path = dir.as_ref().join(name);
            std::fs::write(&path, text).map_err(|source| Error::File { path, source })?;
        }
        Ok(())
    }

    fn new(mut inner: tokenizers::Tokenizer) -> tokenizers::Result<Self> {
        let id = |token: &str| {
            inner
                .token_to_id(token)
                .ok_or_else(|| format!("has no token {token}: not a CLIP tokenizer"))
        };
        let [start, end] = [id(START)?, id(END)?];
        let highest = inner.get_vocab(true).into_values().max();
        if highest != Some(end) {
            return Err(format!("the end token {end} is not the highest id {highest:?}").into());
        }
        // The text encoder wants the two tokens and the padding from us, whatever the file says about them.
        inner.with_padding(None);
        inner.with_truncation(None)?;
        Ok(Self {
            inner,
            start,
            end,
            words: BTreeSet::new(),
        })
    }

    /// Number of tokens, the two special ones counted.
    pub fn vocab_size(&self) -> usize {
        self.end as usize + 1
    }

    /// The words of the training captions, sorted.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }

    /// Tokens of one text, padded with zeros to `context_length`. A text that is too long loses its end, never the end
    /// token.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] if the tokenizer fails; [`Error::Config`] if the context is shorter than three tokens.
    pub fn encode(&self, text: &str, context_length: usize) -> Result<Tokens, Error> {
        if context_length < 3 {
            return Err(Error::Config {
                field: "text.context_length",
                expected: "at least 3".into(),
                found: context_length.to_string(),
            });
        }
        let text = clean::clean(text);
        let encoding = self
            .inner
            .encode_fast(text.as_str(), false)
            .map_err(failed)?;
        let room = context_length - 2;
        let kept = encoding.get_ids().iter().copied().take(room);
        let mut ids: Vec<u32> = [self.start]
            .into_iter()
            .chain(kept)
            .chain([self.end])
            .collect();
        let length = ids.len();
        ids.resize(context_length, 0);
        let mut unknown_words: Vec<String> = Vec::new();
        if !self.words.is_empty() {
            for word in words(&self.inner, &text) {
                if !self.words.contains(&word) && !unknown_words.contains(&word) {
                    unknown_words.push(word);
                }
            }
        }
        Ok(Tokens {
            ids,
            length,
            truncated: encoding.get_ids().len() > room,
            unknown_words,
        })
    }

    /// The text of some ids, special tokens left out.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] if the tokenizer fails.
    pub fn decode(&self, ids: &[u32]) -> Result<String, Error> {
        let kept: Vec<u32> = ids
            .iter()
            .copied()
            .take_while(|&id| id != self.end)
            .filter(|&id| id != self.start)
            .collect();
        let text = self.inner.decode(&kept, false).map_err(failed)?;
        Ok(text.replace(WORD_END, " ").trim_end().to_owned())
    }
}

/// Ids of several texts as one tensor, padding cut to the longest: `[texts, longest]`. It is empty without texts.
pub fn token_batch(tokens: &[Tokens], device: &Device) -> Tensor<2, Int> {
    let longest = tokens.iter().map(|t| t.length).max().unwrap_or(0);
    let ids: Vec<i32> = tokens
        .iter()
        .flat_map(|t| {
            t.ids[..longest.min(t.ids.len())]
                .iter()
                .map(|&id| id as i32)
        })
        .collect();
    Tensor::from_data(TensorData::new(ids, [tokens.len(), longest]), device)
}

/// The 256 bytes in CLIP's order, as they are written in a vocabulary, then the same at the end of a word.
fn alphabet() -> Vec<String> {
    let printable = |b: &u8| matches!(b, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let others = (0..=255u8).filter(|b| !printable(b)).count() as u32;
    let letters: Vec<String> = (0..=255u8)
        .filter(printable)
        .map(char::from)
        .chain((256..256 + others).filter_map(char::from_u32))
        .map(String::from)
        .collect();
    let ends = letters.iter().map(|letter| format!("{letter}{WORD_END}"));
    letters.iter().cloned().chain(ends).collect()
}

fn indexed(tokens: &[String]) -> Value {
    tokens
        .iter()
        .enumerate()
        .map(|(id, token)| (token.clone(), json!(id)))
        .collect()
}

/// A tokenizer from a vocabulary without special tokens and merges, as the published `tokenizer.json` puts it together.
fn from_parts(vocab: &Value, merges: &Value) -> tokenizers::Result<tokenizers::Tokenizer> {
    let mut vocab = vocab.as_object().cloned().unwrap_or_default();
    let [start, end] = [vocab.len(), vocab.len() + 1];
    vocab.insert(START.into(), json!(start));
    vocab.insert(END.into(), json!(end));
    let special = |id: usize, content: &str| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
               "normalized": true, "special": true})
    };
    let file = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [special(start, START), special(end, END)],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "NFC"},
            {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
            {"type": "Lowercase"},
        ]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": WORD}, "behavior": "Removed", "invert": true},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false},
        ]},
        "post_processor": {"type": "RobertaProcessing", "sep": [END, end], "cls": [START, start],
                           "trim_offsets": false, "add_prefix_space": false},
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "dropout": null, "unk_token": END, "continuing_subword_prefix": "",
                  "end_of_word_suffix": WORD_END, "fuse_unk": false, "vocab": vocab, "merges": merges},
    });
    tokenizers::Tokenizer::from_bytes(file.to_string())
}

/// The words of a text as the byte-pair encoding sees them.
fn byte_words(tokenizer: &tokenizers::Tokenizer, text: &str) -> tokenizers::Result<Vec<String>> {
    let mut pieces = PreTokenizedString::from(normalized(tokenizer, text)?);
    if let Some(pre_tokenizer) = tokenizer.get_pre_tokenizer() {
        pre_tokenizer.pre_tokenize(&mut pieces)?;
    }
    let splits = pieces.get_splits(OffsetReferential::Original, OffsetType::Byte);
    Ok(splits
        .into_iter()
        .map(|(word, ..)| word.to_owned())
        .collect())
}

/// The words of a text as a person sees them: runs of letters, lower-cased.
fn words(tokenizer: &tokenizers::Tokenizer, text: &str) -> Vec<String> {
    let text =
        normalized(tokenizer, text).map_or_else(|_| text.to_lowercase(), |n| n.get().to_owned());
    text.split(|c: char| !c.is_alphabetic())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn normalized(
    tokenizer: &tokenizers::Tokenizer,
    text: &str,
) -> tokenizers::Result<NormalizedString> {
    let mut normalized = NormalizedString::from(text);
    if let Some(normalizer) = tokenizer.get_normalizer() {
        normalizer.normalize(&mut normalized)?;
    }
    Ok(normalized)
}

fn failed(error: impl ToString) -> Error {
    Error::Tokenizer {
        path: None,
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests;
