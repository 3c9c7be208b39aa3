//! The tokenizer's layout, determinism and reports.

use super::*;

const CAPTIONS: [&str; 6] = [
    "a smiling person with long red hair",
    "A person with short red hair and round glasses",
    "portrait of somebody in a grey hoodie, smiling",
    "a bearded person in a grey hoodie, sad",
    "somebody with long pink hair, a person with a hat",
    "a person wearing glasses, red hair, long beard",
];

#[test]
fn layout_is_clips() {
    let tokenizer = Tokenizer::train(&CAPTIONS, 600).unwrap();
    let vocab = tokenizer.inner.get_vocab(true);
    assert_eq!(vocab["!"], 0);
    assert_eq!(vocab["!</w>"], 256);
    assert_eq!(tokenizer.start + 1, tokenizer.end);
    assert_eq!(tokenizer.end as usize, tokenizer.vocab_size() - 1);
    assert!(tokenizer.vocab_size() <= 600 && tokenizer.vocab_size() > 520);
}

#[test]
fn training_is_deterministic() {
    let first = Tokenizer::train(&CAPTIONS, 560).unwrap();
    for _ in 0..4 {
        let again = Tokenizer::train(&CAPTIONS, 560).unwrap();
        assert_eq!(
            first.inner.to_string(false).unwrap(),
            again.inner.to_string(false).unwrap()
        );
    }
}

#[test]
fn text_survives_the_round_trip_and_the_disk() {
    let tokenizer = Tokenizer::train(&CAPTIONS, 600).unwrap();
    let tokens = tokenizer.encode("A  person with RED hair", 32).unwrap();
    assert_eq!(tokens.ids.len(), 32);
    assert_eq!(tokens.ids[0], tokenizer.start);
    assert_eq!(tokens.ids[tokens.length - 1], tokenizer.end);
    assert_eq!(tokens.ids[tokens.length..], vec![0; 32 - tokens.length]);
    assert_eq!(
        tokenizer.decode(&tokens.ids).unwrap(),
        "a person with red hair"
    );
    assert!(!tokens.truncated && tokens.unknown_words.is_empty());

    let dir = tempfile::tempdir().unwrap();
    tokenizer.save(dir.path()).unwrap();
    let loaded = Tokenizer::load(dir.path()).unwrap();
    assert_eq!(loaded.words, tokenizer.words);
    for text in ["a person with red hair", "émigré 12 👒 <br>", ""] {
        assert_eq!(
            loaded.encode(text, 32).unwrap(),
            tokenizer.encode(text, 32).unwrap()
        );
    }
}

#[test]
fn unknown_words_are_named_once() {
    let tokenizer = Tokenizer::train(&CAPTIONS, 600).unwrap();
    let tokens = tokenizer
        .encode("Purple dragon, purple HAIR 3", 32)
        .unwrap();
    assert_eq!(tokens.unknown_words, ["purple", "dragon"]);
}

#[test]
fn truncation_keeps_the_end() {
    let tokenizer = Tokenizer::train(&CAPTIONS, 600).unwrap();
    let tokens = tokenizer.encode(CAPTIONS[5], 5).unwrap();
    assert!(tokens.truncated);
    assert_eq!(tokens.length, 5);
    assert_eq!(tokens.ids[4], tokenizer.end);
}

#[test]
fn a_vocabulary_too_small_is_an_error() {
    let message = Tokenizer::train(&CAPTIONS, 500).unwrap_err().to_string();
    assert_eq!(
        message,
        "CLIP configuration: text.vocab_size is 500, expected at least 514"
    );
}
