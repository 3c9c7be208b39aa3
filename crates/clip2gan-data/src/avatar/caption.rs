//! English captions of labels.
//!
//! A caption mentions some of the labels, in an order and in words that are
//! drawn anew each time, and nothing that is not there. It names no gender,
//! for the drawings carry none.

use std::collections::BTreeSet;

use rand::Rng;

use super::vocabulary::{self as v, Role};
use crate::Labels;
use crate::chance::{below, one_of, percent, shuffle, weighted};

/// What a person is called where adjectives may stand before the word.
const NOUNS: &[&str] = &["person", "person", "person", "character", "human"];
/// What a person is called where they may not.
const PRONOUNS: &[&str] = &["somebody", "someone"];
const OPENERS: &[&str] = &[
    "portrait of",
    "a portrait of",
    "a picture of",
    "a drawing of",
    "an avatar of",
    "a cartoon of",
    "the face of",
];
/// How many things a caption mentions, and how often.
const MENTIONS: [(usize, u32); 6] = [(1, 8), (2, 16), (3, 24), (4, 24), (5, 16), (7, 12)];

struct Phrase {
    role: Role,
    text: String,
}

/// A caption of `labels`: lower case, no full stop. Labels that are missing
/// or unknown are passed over in silence.
pub fn caption<R: Rng + ?Sized>(labels: &Labels, rng: &mut R) -> String {
    let mentions = MENTIONS[weighted(rng, MENTIONS.iter().map(|m| m.1))].0;
    let phrases = phrases(labels, mentions, rng);
    let text = match below(rng, 20) {
        0..3 => list(phrases, rng),
        3..5 => statement(phrases, rng),
        _ => description(phrases, rng),
    };
    with_articles(&text)
}

/// `count` phrases, or fewer, on different things.
fn phrases<R: Rng + ?Sized>(labels: &Labels, count: usize, rng: &mut R) -> Vec<Phrase> {
    // The things that can be said, with how often people say them.
    let mut topics: Vec<(u32, Vec<Phrase>)> = Vec::new();
    let mut add = |weight: u32, phrases: Vec<Phrase>| {
        if !phrases.is_empty() {
            topics.push((weight, phrases));
        }
    };
    let hair_color = color(labels, "hair_color", v::HAIR_COLOR);
    let mut hair = said(variant(labels, "hair", v::HAIR), hair_color, rng);
    if hair_color.is_some() && (hair.is_empty() || percent(rng, 30)) {
        hair = coloured(v::ANY_HAIR, hair_color, rng);
    }
    add(12, hair);
    let hat_color = color(labels, "hat_color", v::HAT_COLOR);
    add(12, said(variant(labels, "hat", v::HAT), hat_color, rng));
    let beard_color = color(labels, "beard_color", v::HAIR_COLOR);
    add(
        10,
        said(variant(labels, "beard", v::BEARD), beard_color, rng),
    );
    let glasses_color = color(labels, "glasses_color", v::GLASSES_COLOR);
    add(
        10,
        said(variant(labels, "glasses", v::GLASSES), glasses_color, rng),
    );
    let clothes_color = color(labels, "clothes_color", v::CLOTHES_COLOR);
    let mut clothes = said(variant(labels, "clothes", v::CLOTHES), clothes_color, rng);
    if clothes_color.is_some() && (clothes.is_empty() || percent(rng, 20)) {
        clothes = coloured(v::ANY_CLOTHES, clothes_color, rng);
    }
    add(10, clothes);
    let skin = color(labels, "skin", v::SKIN);
    add(6, coloured(v::SKIN_PHRASES, skin, rng));
    let background = color(labels, "background", v::BACKGROUND);
    add(5, coloured(v::BACKGROUND_PHRASES, background, rng));
    let mood = labels.get("mood");
    let mood = v::MOOD
        .iter()
        .find(|m| Some(m.name) == mood.map(String::as_str));
    add(7, fill(mood.map_or(&[], |m| m.phrases), None));
    add(7, said(variant(labels, "mouth", v::MOUTH), None, rng));
    add(6, said(variant(labels, "eyes", v::EYES), None, rng));
    add(3, said(variant(labels, "eyebrows", v::EYEBROWS), None, rng));
    add(1, absent(labels));

    let mut chosen = Vec::new();
    while chosen.len() < count && !topics.is_empty() {
        let index = weighted(rng, topics.iter().map(|t| t.0));
        let mut phrases = topics.swap_remove(index).1;
        let index = below(rng, phrases.len());
        chosen.push(phrases.swap_remove(index));
    }
    chosen
}

/// The phrases of a variant, three times of four with its colour.
fn said<R: Rng + ?Sized>(
    variant: Option<&v::Variant>,
    color: Option<&v::Color>,
    rng: &mut R,
) -> Vec<Phrase> {
    let Some(variant) = variant else {
        return Vec::new();
    };
    let word = color.filter(|_| percent(rng, 75));
    fill(variant.phrases, word.map(|c| one_of(rng, c.words)))
}

/// Phrases that always name the colour.
fn coloured<R: Rng + ?Sized>(
    phrases: &[(Role, &str)],
    color: Option<&v::Color>,
    rng: &mut R,
) -> Vec<Phrase> {
    color.map_or(Vec::new(), |c| fill(phrases, Some(one_of(rng, c.words))))
}

/// Puts a colour's word, or nothing, into phrases.
fn fill(phrases: &[(Role, &str)], word: Option<&str>) -> Vec<Phrase> {
    let fill = |&(role, text): &(Role, &str)| {
        // A colour before an adjective is joined to it: "red-haired".
        let joint = if role == Role::Adjective { '-' } else { ' ' };
        let word = word.map_or(String::new(), |w| {
            format!("{}{joint}", w.replace(' ', &joint.to_string()))
        });
        let text = text.replace("{c}", &word).trim_end().to_string();
        Phrase { role, text }
    };
    phrases.iter().map(fill).collect()
}

/// What one may say of things that are not there.
fn absent(labels: &Labels) -> Vec<Phrase> {
    let mut phrases = Vec::new();
    for (key, role, text) in ABSENT {
        if labels.get(*key).map(String::as_str) == Some(v::NONE) {
            let text = (*text).to_string();
            phrases.push(Phrase { role: *role, text });
        }
    }
    phrases
}

const ABSENT: &[(&str, Role, &str)] = &[
    ("beard", Role::Adjective, "clean-shaven"),
    ("beard", Role::With, "no beard"),
    ("glasses", Role::With, "no glasses"),
    ("hat", Role::With, "no hat"),
];

/// "a portrait of a smiling person with red hair, in a grey hoodie"
fn description<R: Rng + ?Sized>(phrases: Vec<Phrase>, rng: &mut R) -> String {
    let mut sorted = Sorted::new(phrases);
    let mut text = String::new();
    if percent(rng, 25) {
        text.push_str(one_of(rng, OPENERS));
        text.push(' ');
    }
    // An adjective or two before the noun; the others after it.
    let mut trailing = None;
    if percent(rng, 25) {
        text.push_str(one_of(rng, PRONOUNS));
        sorted.doing.append(&mut sorted.adjectives);
    } else {
        if sorted.adjectives.len() > 1 || percent(rng, 15) {
            trailing = sorted.adjectives.pop();
        }
        let rest = sorted.adjectives.split_off(sorted.adjectives.len().min(2));
        sorted.doing.extend(rest);
        text.push_str("a ");
        for adjective in &sorted.adjectives {
            text.push_str(adjective);
            text.push(' ');
        }
        text.push_str(one_of(rng, NOUNS));
    }

    let mut groups: Vec<(&str, String)> = Vec::new();
    if !sorted.with.is_empty() {
        let verb = one_of(rng, &["with", "with", "with", "who has"]);
        groups.push((verb, enumerate(&sorted.with)));
    }
    if !sorted.wearing.is_empty() {
        let verb = one_of(rng, &["in", "in", "wearing", "wearing", "who wears"]);
        groups.push((verb, enumerate(&sorted.wearing)));
    }
    if !sorted.doing.is_empty() {
        groups.push(("who is", enumerate(&sorted.doing)));
    }
    shuffle(rng, &mut groups);
    let mut relative = false;
    for (index, (verb, group)) in groups.iter().enumerate() {
        let joint = match (index, verb.starts_with("who")) {
            (0, _) => " ",
            (_, true) if relative => " and ",
            _ => one_of(rng, &[" ", " ", ", "]),
        };
        relative |= verb.starts_with("who");
        text.push_str(&format!("{joint}{verb} {group}"));
    }
    if let Some(adjective) = trailing {
        text.push_str(&format!(", {adjective}"));
    }
    if let Some(setting) = sorted.setting {
        text = match below(rng, 5) {
            0 => format!("on {setting}, {text}"),
            1 => format!("{text}, {}", bare(&setting)),
            2 => format!("{text} in front of {setting}"),
            _ => format!("{text} on {setting}"),
        };
    }
    text
}

/// "this person has red hair, wears a grey hoodie and is smiling"
fn statement<R: Rng + ?Sized>(phrases: Vec<Phrase>, rng: &mut R) -> String {
    let mut sorted = Sorted::new(phrases);
    sorted.doing.append(&mut sorted.adjectives);
    let mut parts = Vec::new();
    for (verb, group) in [
        ("has", &sorted.with),
        ("wears", &sorted.wearing),
        ("is", &sorted.doing),
    ] {
        if !group.is_empty() {
            parts.push(format!("{verb} {}", enumerate(group)));
        }
    }
    shuffle(rng, &mut parts);
    // Parts that are enumerations themselves are set off by commas.
    let mut text = format!("{} ", one_of(rng, &["this person", "the person"]));
    text.push_str(&match (parts.len(), &sorted.setting) {
        (0, Some(setting)) => return format!("{text}is on {setting}"),
        (0, None) => return "a person".to_string(),
        _ => enumerate(&parts),
    });
    if let Some(setting) = sorted.setting {
        text.push_str(&format!(", on {setting}"));
    }
    text
}

/// "red hair, grey hoodie, smiling"
fn list<R: Rng + ?Sized>(mut phrases: Vec<Phrase>, rng: &mut R) -> String {
    if phrases.is_empty() {
        return "a person".to_string();
    }
    shuffle(rng, &mut phrases);
    let texts: Vec<&str> = phrases.iter().map(|p| bare(&p.text)).collect();
    texts.join(", ")
}

/// A phrase as in a list, without its article.
fn bare(text: &str) -> &str {
    let text = text.strip_prefix("a ").unwrap_or(text);
    text.strip_prefix("an ").unwrap_or(text)
}

/// The texts of phrases by their role.
#[derive(Default)]
struct Sorted {
    adjectives: Vec<String>,
    with: Vec<String>,
    wearing: Vec<String>,
    doing: Vec<String>,
    setting: Option<String>,
}

impl Sorted {
    fn new(phrases: Vec<Phrase>) -> Self {
        let mut sorted = Self::default();
        for Phrase { role, text } in phrases {
            match role {
                Role::Adjective => sorted.adjectives.push(text),
                Role::With => sorted.with.push(text),
                Role::Wearing => sorted.wearing.push(text),
                Role::Doing => sorted.doing.push(text),
                Role::Setting => sorted.setting = Some(text),
            }
        }
        sorted
    }
}

/// "a", "a and b", "a, b and c"
fn enumerate(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Makes "a" into "an" where the next word begins with a vowel.
fn with_articles(text: &str) -> String {
    let text = text.trim_end_matches([' ', ',']);
    let mut out = String::with_capacity(text.len() + 4);
    let mut words = text.split(' ').peekable();
    while let Some(word) = words.next() {
        out.push_str(word);
        if let Some(next) = words.peek() {
            if word == "a"
                && next.starts_with(['a', 'e', 'i', 'o', 'u'])
                && !next.starts_with("uni")
            {
                out.push('n');
            }
            out.push(' ');
        }
    }
    out
}

fn variant(
    labels: &Labels,
    key: &str,
    table: &'static [v::Variant],
) -> Option<&'static v::Variant> {
    let name = labels.get(key)?;
    table.iter().find(|t| t.name == name)
}

fn color(labels: &Labels, key: &str, table: &'static [v::Color]) -> Option<&'static v::Color> {
    let name = labels.get(key)?;
    table.iter().find(|t| t.name == name)
}

/// The words of a text, in lower case: runs of letters, so that "red-haired"
/// has two.
pub fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !c.is_alphabetic())
        .filter(|w| !w.is_empty())
        .map(String::from)
        .collect()
}

/// Every word that a caption can hold, as [`words`] gives them.
pub fn caption_words() -> BTreeSet<String> {
    const GLUE: &str = "a an and has in is of on front person the this wearing wears who with";
    let mut texts = vec![GLUE];
    texts.extend(NOUNS.iter().chain(PRONOUNS).chain(OPENERS));
    texts.extend(ABSENT.iter().map(|(_, _, text)| text));
    let tables = [
        v::HAIR,
        v::HAT,
        v::GLASSES,
        v::BEARD,
        v::CLOTHES,
        v::MOUTH,
        v::EYES,
        v::EYEBROWS,
    ];
    let variants = tables.into_iter().flatten().map(|t| t.phrases);
    let moods = v::MOOD.iter().map(|m| m.phrases);
    let any = [
        v::ANY_HAIR,
        v::ANY_CLOTHES,
        v::SKIN_PHRASES,
        v::BACKGROUND_PHRASES,
    ];
    for phrases in variants.chain(moods).chain(any) {
        texts.extend(phrases.iter().map(|(_, text)| text));
    }
    let palettes = [
        v::HAIR_COLOR,
        v::SKIN,
        v::CLOTHES_COLOR,
        v::HAT_COLOR,
        v::GLASSES_COLOR,
        v::BACKGROUND,
    ];
    texts.extend(palettes.into_iter().flatten().flat_map(|c| c.words));
    texts
        .iter()
        .flat_map(|t| words(&t.replace("{c}", "")))
        .collect()
}
