//! Drawn people: what can be drawn ([`label_values`]), how it is said
//! ([`caption`]) and, with the feature `avatars`, the drawings themselves
//! (`AvatarDataset`).

mod caption;
#[cfg(feature = "avatars")]
mod dataset;
mod draw;
#[cfg(feature = "avatars")]
mod painter;
#[cfg(feature = "avatars")]
mod style;
#[rustfmt::skip] // its tables read best with one entry a line
mod vocabulary;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use caption::{caption, caption_words, words};
#[cfg(feature = "avatars")]
pub use dataset::{AvatarDataset, attribution};
pub use draw::split_of;

#[cfg(feature = "avatars")]
use crate::Error;
use crate::{Labels, chance};
use vocabulary as v;

/// The two sides of the avatars' split. See [`split_of`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Split {
    /// 15 of 16 combinations of labels; the stream of an index is its number.
    #[default]
    Train,
    /// The 16th combination; the stream of an index is its number plus 2⁶³.
    HeldOut,
}

/// The square of the 280×280 canvas that a picture shows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// Left edge, in the canvas's units.
    pub x: f32,
    /// Upper edge.
    pub y: f32,
    /// Length of a side, above 0.
    pub side: f32,
}

impl View {
    /// The whole canvas.
    pub const WHOLE: Self = Self {
        x: 0.,
        y: 0.,
        side: 280.,
    };
    /// Head and shoulders: cuts off the lowest part of the clothes and what is
    /// empty at the sides, so that the face is as large as it can be.
    pub const PORTRAIT: Self = Self {
        x: 22.,
        y: 4.,
        side: 236.,
    };
}

impl Default for View {
    fn default() -> Self {
        Self::PORTRAIT
    }
}

/// Which avatars a dataset holds and how they are shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AvatarConfig {
    /// Width and height in pixels, 1 to 4096.
    pub resolution: u32,
    /// The seed of everything drawn.
    pub seed: u64,
    /// How many pictures there are, at least 1.
    pub len: usize,
    /// The side of the split that they are of.
    pub split: Split,
    /// The part of the canvas shown.
    pub view: View,
}

impl Default for AvatarConfig {
    fn default() -> Self {
        Self {
            resolution: 64,
            seed: 0,
            len: 1_000_000,
            split: Split::Train,
            view: View::PORTRAIT,
        }
    }
}

/// The labels of the avatar at `index`, without drawing it.
pub fn avatar_labels(seed: u64, split: Split, index: usize) -> Labels {
    draw::labels_in(&mut avatar_stream(seed, split, index), split)
}

/// The labels of the avatar at `index` and the caption that
/// `AvatarDataset::get` gives it, without drawing it.
pub fn avatar_text(seed: u64, split: Split, index: usize) -> (Labels, String) {
    let mut rng = avatar_stream(seed, split, index);
    let labels = draw::labels_in(&mut rng, split);
    let caption = caption(&labels, &mut rng);
    (labels, caption)
}

fn avatar_stream(seed: u64, split: Split, index: usize) -> rand_chacha::ChaCha8Rng {
    let side = match split {
        Split::Train => 0,
        Split::HeldOut => 1 << 63,
    };
    chance::stream(seed, index as u64 | side)
}

/// Every label's key with the values it can have, in the order of the drawing.
pub fn label_values() -> BTreeMap<&'static str, Vec<&'static str>> {
    fn names<T>(table: &'static [T], name: fn(&T) -> &'static str) -> Vec<&'static str> {
        table.iter().map(name).collect()
    }
    let variants = |table| names(table, |t: &v::Variant| t.name);
    let optional = |table| [vec![v::NONE], variants(table)].concat();
    let colors = |table| names(table, |t: &v::Color| t.name);
    BTreeMap::from([
        ("background", colors(v::BACKGROUND)),
        ("skin", colors(v::SKIN)),
        ("hair", variants(v::HAIR)),
        ("hair_color", colors(v::HAIR_COLOR)),
        ("hat", optional(v::HAT)),
        ("hat_color", colors(v::HAT_COLOR)),
        ("beard", optional(v::BEARD)),
        ("beard_color", colors(v::HAIR_COLOR)),
        ("glasses", optional(v::GLASSES)),
        ("glasses_color", colors(v::GLASSES_COLOR)),
        ("clothes", variants(v::CLOTHES)),
        ("clothes_color", colors(v::CLOTHES_COLOR)),
        ("graphic", variants(v::GRAPHIC)),
        ("mood", names(v::MOOD, |t| t.name)),
        ("mouth", variants(v::MOUTH)),
        ("eyes", variants(v::EYES)),
        ("eyebrows", variants(v::EYEBROWS)),
    ])
}

/// What `values` has for the value of the label `key`.
#[cfg(feature = "avatars")]
fn label<T>(
    labels: &Labels,
    key: &str,
    values: impl Iterator<Item = (&'static str, T)> + Clone,
) -> Result<T, Error> {
    let found = labels.get(key).map_or("", String::as_str);
    values
        .clone()
        .find(|(name, _)| *name == found)
        .map(|(_, value)| value)
        .ok_or_else(|| Error::Label {
            key: key.into(),
            found: found.into(),
            expected: values.map(|(name, _)| name).collect::<Vec<_>>().join(", "),
        })
}
