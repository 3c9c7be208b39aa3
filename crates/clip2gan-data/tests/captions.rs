//! The captions: true, in known words, and able to say everything.

use std::collections::{BTreeMap, BTreeSet};

use clip2gan_data::{
    Labels, Split, avatar_labels, avatar_text, caption, caption_words, label_values, words,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Whether a claim is true of labels.
type Holds = Box<dyn Fn(&Labels) -> bool>;

fn texts(n: usize) -> impl Iterator<Item = (Labels, String)> {
    (0..n).map(|index| avatar_text(11, Split::Train, index))
}

#[test]
fn every_label_is_drawn() {
    let mut drawn: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut shares: BTreeMap<&str, f32> = BTreeMap::new();
    let n = 30_000;
    for index in 0..n {
        let labels = avatar_labels(5, Split::Train, index);
        for rare in ["hat", "glasses", "beard"] {
            *shares.entry(rare).or_default() +=
                f32::from(u8::from(labels[rare] != "none")) / n as f32;
        }
        for (key, value) in labels {
            drawn.entry(key).or_default().insert(value);
        }
    }
    for (key, values) in label_values() {
        let expected: BTreeSet<String> = values.iter().map(ToString::to_string).collect();
        assert_eq!(drawn.remove(key), Some(expected), "values of {key}");
    }
    assert!(drawn.is_empty(), "labels without a table: {drawn:?}");
    for (rare, share) in shares {
        assert!((0.15..0.5).contains(&share), "{rare}: {share}");
    }
}

#[test]
fn captions_are_true() {
    let among = |key: &'static str, values: &'static [&'static str]| {
        move |l: &Labels| l.get(key).is_some_and(|v| values.contains(&v.as_str()))
    };
    let has = |key: &'static str| move |l: &Labels| l.get(key).is_some_and(|v| v != "none");
    let claims: Vec<(&str, Holds)> = vec![
        ("bearded", Box::new(|l| l["beard"].starts_with("beard"))),
        (
            "moustache",
            Box::new(|l| l["beard"].starts_with("moustache")),
        ),
        ("clean-shaven", Box::new(among("beard", &["none"]))),
        ("no glasses", Box::new(among("glasses", &["none"]))),
        (
            "sunglasses",
            Box::new(among("glasses", &["kurt", "sunglasses", "wayfarers"])),
        ),
        ("wearing glasses", Box::new(has("glasses"))),
        ("round glasses", Box::new(among("glasses", &["round"]))),
        ("bald", Box::new(among("hair", &["bald", "sides"]))),
        ("afro", Box::new(among("hair", &["fro", "froBand"]))),
        ("hoodie", Box::new(among("clothes", &["hoodie"]))),
        ("beanie", Box::new(has("hat"))),
        ("winking", Box::new(among("eyes", &["wink", "winkWacky"]))),
        ("sad ", Box::new(among("mood", &["sad"]))),
        ("grinning", Box::new(among("mouth", &["smile"]))),
        ("hair", Box::new(has("hair"))),
    ];
    // A colour's label and the words it is seen beside.
    let beside: &[(&str, &[&str])] = &[
        ("hair_color", &["hair", "haired"]),
        ("skin", &["skin", "skinned"]),
        (
            "clothes_color",
            &["hoodie", "jacket", "clothes", "dungarees"],
        ),
        ("hat_color", &["turban", "hijab", "beanie"]),
        ("glasses_color", &["glasses", "sunglasses", "shades"]),
        ("background", &["background"]),
    ];
    let synonym = |word: &str| {
        match word {
            "blond" => "blonde",
            "ginger" => "red",
            "gray" => "grey",
            "violet" => "purple",
            other => return other.to_string(),
        }
        .to_string()
    };
    let colors = [
        "black", "white", "red", "orange", "yellow", "green", "blue", "purple", "pink", "grey",
        "blonde", "brown", "pale",
    ];
    let mut told: BTreeMap<&str, usize> = BTreeMap::new();
    for (labels, text) in texts(15_000) {
        let padded = format!("{text} ");
        for (claim, holds) in &claims {
            if padded.contains(claim) && !(*claim == "hair" && padded.contains("no hair")) {
                *told.entry(claim).or_default() += 1;
                assert!(holds(&labels), "{text:?} for {labels:?}");
            }
        }
        let said = words(&text);
        for pair in said.windows(2) {
            let color = synonym(&pair[0]);
            for (key, nouns) in beside {
                if nouns.contains(&pair[1].as_str()) && colors.contains(&color.as_str()) {
                    *told.entry(key).or_default() += 1;
                    assert_eq!(labels.get(*key), Some(&color), "{text:?}: {pair:?}");
                }
            }
        }
    }
    assert_eq!(
        told.len(),
        claims.len() + beside.len(),
        "never said: {told:?}"
    );
}

#[test]
fn captions_keep_to_their_words() {
    let known = caption_words();
    let mut said = BTreeSet::new();
    for (_, text) in texts(40_000) {
        said.extend(words(&text));
        assert!(
            !text.contains("{c}") && !text.contains("  ") && !text.contains(" ,"),
            "{text:?}"
        );
        assert!(
            !text.ends_with([' ', ',', '-']) && !text.is_empty(),
            "{text:?}"
        );
        for wrong in [
            " a a",
            " a o",
            " an b",
            " and and ",
            "with with",
            "who is who",
        ] {
            assert!(!text.contains(wrong), "{text:?}");
        }
    }
    let unknown: Vec<_> = said.difference(&known).collect();
    let unsaid: Vec<_> = known.difference(&said).collect();
    assert!(
        unknown.is_empty() && unsaid.is_empty(),
        "unknown {unknown:?}, unsaid {unsaid:?}"
    );
    for gendered in [
        "he", "she", "his", "her", "man", "woman", "boy", "girl", "lady",
    ] {
        assert!(!known.contains(gendered), "{gendered}");
    }
}

#[test]
fn captions_vary_and_mention_only_a_part() {
    let labels = avatar_labels(0, Split::Train, 3);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let texts: BTreeSet<String> = (0..500).map(|_| caption(&labels, &mut rng)).collect();
    assert!(
        texts.len() > 300,
        "only {} captions of 500 differ",
        texts.len()
    );
    let lengths: BTreeSet<usize> = texts.iter().map(|t| words(t).len()).collect();
    assert!(
        lengths.first() < Some(&4) && lengths.last() > Some(&14),
        "{lengths:?}"
    );
    // Without labels there is still something to say.
    assert!(!caption(&Labels::new(), &mut rng).is_empty());
}
