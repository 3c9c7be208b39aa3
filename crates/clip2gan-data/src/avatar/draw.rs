//! Draws the labels of a person, and says on which side of the split they are.

use rand::Rng;

use super::vocabulary as v;
use super::{Labels, Split};
use crate::chance::{percent, weighted};

/// Of this many combinations of labels, one is held out.
const HELD_OUT_EVERY: u64 = 16;

/// Labels of a person who belongs to `split`.
pub(super) fn labels_in<R: Rng + ?Sized>(rng: &mut R, split: Split) -> Labels {
    loop {
        let labels = labels(rng);
        if split_of(&labels) == split {
            return labels;
        }
    }
}

/// The side of the split on which a person with these labels is.
///
/// It depends on the whole combination (by its FNV-1a hash), so that nobody
/// held out is ever seen in training, not even under another seed.
pub fn split_of(labels: &Labels) -> Split {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for (key, value) in labels {
        for byte in key.bytes().chain([b'=']).chain(value.bytes()).chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    // The high half: FNV's low bits are the weaker ones.
    match (hash >> 32) % HELD_OUT_EVERY {
        0 => Split::HeldOut,
        _ => Split::Train,
    }
}

fn labels<R: Rng + ?Sized>(rng: &mut R) -> Labels {
    let mut labels = Labels::new();
    let mut set = |key: &str, value: &str| labels.insert(key.into(), value.into());

    let background = color(rng, v::BACKGROUND, &[]);
    set("background", background);
    set("skin", color(rng, v::SKIN, &[]));

    // The colour of a beard is that of the hair, also under a hat. Nothing
    // has a colour of the background's name, lest it vanish.
    let hair_color = color(rng, v::HAIR_COLOR, &[background]);
    let hat = if percent(rng, v::HATS) {
        variant(rng, v::HAT)
    } else {
        v::NONE
    };
    set("hat", hat);
    if hat == v::NONE {
        let hair = variant(rng, v::HAIR);
        set("hair", hair);
        if hair != v::BALD {
            set("hair_color", hair_color);
        }
    } else {
        set("hat_color", color(rng, v::HAT_COLOR, &[background]));
    }

    let beard = if hat != v::HIJAB && percent(rng, v::BEARDS) {
        variant(rng, v::BEARD)
    } else {
        v::NONE
    };
    set("beard", beard);
    if beard != v::NONE {
        set("beard_color", hair_color);
    }

    let glasses = if percent(rng, v::GLASSES_WORN) {
        variant(rng, v::GLASSES)
    } else {
        v::NONE
    };
    set("glasses", glasses);
    if glasses != v::NONE {
        set("glasses_color", color(rng, v::GLASSES_COLOR, &[]));
    }

    let clothes = variant(rng, v::CLOTHES);
    set("clothes", clothes);
    set("clothes_color", color(rng, v::CLOTHES_COLOR, &[background]));
    if clothes == v::WITH_GRAPHIC {
        set("graphic", variant(rng, v::GRAPHIC));
    }

    let mood = &v::MOOD[weighted(rng, v::MOOD.iter().map(|m| m.weight))];
    set("mood", mood.name);
    for (key, table) in [
        ("mouth", mood.mouth),
        ("eyes", mood.eyes),
        ("eyebrows", mood.eyebrows),
    ] {
        set(key, table[weighted(rng, table.iter().map(|t| t.1))].0);
    }
    labels
}

fn variant<R: Rng + ?Sized>(rng: &mut R, table: &'static [v::Variant]) -> &'static str {
    table[weighted(rng, table.iter().map(|t| t.weight))].name
}

fn color<R: Rng + ?Sized>(
    rng: &mut R,
    table: &'static [v::Color],
    but_not: &[&str],
) -> &'static str {
    let weight = |c: &v::Color| {
        if but_not.contains(&c.name) {
            0
        } else {
            c.weight
        }
    };
    table[weighted(rng, table.iter().map(weight))].name
}
