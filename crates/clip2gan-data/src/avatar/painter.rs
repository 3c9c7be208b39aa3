//! Paints labels: each part of a drawing is parsed once and kept, then painted
//! part over part, which equals painting the whole document.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use image::RgbImage;
use resvg::{tiny_skia, usvg};

use super::style::{Choice, Kind, Style};
use super::vocabulary as v;
use super::{Labels, View, label};
use crate::Error;

/// Draws avatars from their labels.
pub(super) struct Painter {
    style: Style,
    parts: RwLock<HashMap<String, Arc<usvg::Tree>>>,
}

impl Painter {
    pub fn new() -> Result<Self, Error> {
        Ok(Self {
            style: Style::avataaars()?,
            parts: RwLock::default(),
        })
    }

    /// Draws `labels` as a picture of `size`×`size`, of which `view` says the
    /// part of the canvas to show.
    pub fn draw(&self, labels: &Labels, size: u32, view: View) -> Result<RgbImage, Error> {
        let mut pixmap = tiny_skia::Pixmap::new(size, size).ok_or(Error::Config {
            name: "resolution",
            expected: "1 to 4096",
            found: size.to_string(),
        })?;
        let [r, g, b] = rgb(color(labels, "background", v::BACKGROUND)?);
        pixmap.fill(tiny_skia::Color::from_rgba8(r, g, b, 255));

        let chosen = Chosen::new(labels)?;
        let scale = size as f32 / view.side;
        let transform =
            tiny_skia::Transform::from_row(scale, 0., 0., scale, -view.x * scale, -view.y * scale);
        for index in 0..self.style.canvas.elements.len() {
            if let Some(tree) = self.part(index, &chosen)? {
                resvg::render(&tree, transform, &mut pixmap.as_mut());
            }
        }

        // The background covers everything, so no pixel is transparent.
        let pixels = pixmap.data().chunks_exact(4);
        let pixels = pixels.flat_map(|p| [p[0], p[1], p[2]]).collect();
        RgbImage::from_raw(size, size, pixels)
            .ok_or_else(|| Error::Style("a picture of the wrong size".into()))
    }

    /// The parsed `index`-th outermost element, or `None` if it is not drawn.
    fn part(&self, index: usize, chosen: &Chosen) -> Result<Option<Arc<usvg::Tree>>, Error> {
        let element = &self.style.canvas.elements[index];
        let key = match element.kind {
            Kind::Element => format!("{index} {}", chosen.colors[0].1),
            Kind::Component => match chosen.key(&element.name) {
                None => return Ok(None),
                Some(key) => key,
            },
        };
        let parts = self.parts.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(tree) = parts.get(&key) {
            return Ok(Some(tree.clone()));
        }
        drop(parts);
        let choice = Choice {
            variants: &chosen.variants,
            colors: &chosen.colors,
        };
        let svg = self.style.svg(element, &choice)?;
        let tree = usvg::Tree::from_str(&svg, &usvg::Options::default())
            .map_err(|e| Error::Style(format!("{key}: {e}")))?;
        let tree = Arc::new(tree);
        let mut parts = self.parts.write().unwrap_or_else(PoisonError::into_inner);
        Ok(Some(parts.entry(key).or_insert(tree).clone()))
    }
}

/// Labels in the style's own terms.
struct Chosen<'a> {
    variants: Vec<(&'a str, &'a str)>,
    /// The skin comes first.
    colors: Vec<(&'a str, &'a str)>,
}

impl<'a> Chosen<'a> {
    fn new(labels: &'a Labels) -> Result<Self, Error> {
        let mut variants = vec![("nose", "default")];
        let mut colors = vec![("skin", color(labels, "skin", v::SKIN)?)];
        for (key, component, table) in [
            ("mouth", "mouth", v::MOUTH),
            ("eyes", "eyes", v::EYES),
            ("eyebrows", "eyebrows", v::EYEBROWS),
        ] {
            variants.push((component, variant(labels, key, table)?));
        }
        let clothes = variant(labels, "clothes", v::CLOTHES)?;
        variants.push(("clothes", clothes));
        colors.push(("clothes", color(labels, "clothes_color", v::CLOTHES_COLOR)?));
        if clothes == v::WITH_GRAPHIC {
            variants.push(("clothesGraphic", variant(labels, "graphic", v::GRAPHIC)?));
        }
        if let Some(hat) = optional(labels, "hat", v::HAT)? {
            variants.push(("top", hat));
            colors.push(("hat", color(labels, "hat_color", v::HAT_COLOR)?));
        } else {
            let hair = variant(labels, "hair", v::HAIR)?;
            if hair != v::BALD {
                variants.push(("top", hair));
                colors.push(("hair", color(labels, "hair_color", v::HAIR_COLOR)?));
            }
        }
        if let Some(beard) = optional(labels, "beard", v::BEARD)? {
            variants.push(("facialHair", beard));
            colors.push(("facialHair", color(labels, "beard_color", v::HAIR_COLOR)?));
        }
        if let Some(glasses) = optional(labels, "glasses", v::GLASSES)? {
            variants.push(("accessories", glasses));
            colors.push((
                "accessories",
                color(labels, "glasses_color", v::GLASSES_COLOR)?,
            ));
        }
        Ok(Self { variants, colors })
    }

    /// Names everything that a component's drawing depends on.
    fn key(&self, component: &str) -> Option<String> {
        let find = |pairs: &[(&'a str, &'a str)], key: &str| {
            pairs.iter().find(|(k, _)| *k == key).map(|(_, v)| *v)
        };
        let variant = find(&self.variants, component)?;
        let color = match component {
            "top" => find(&self.colors, "hat").or_else(|| find(&self.colors, "hair")),
            other => find(&self.colors, other),
        };
        let graphic = match component {
            "clothes" => find(&self.variants, "clothesGraphic"),
            _ => None,
        };
        Some(format!("{component} {variant} {color:?} {graphic:?}"))
    }
}

fn variant(labels: &Labels, key: &str, table: &[v::Variant]) -> Result<&'static str, Error> {
    label(labels, key, table.iter().map(|t| (t.name, t.name)))
}

/// The same of a part that may be [`v::NONE`].
fn optional(
    labels: &Labels,
    key: &str,
    table: &[v::Variant],
) -> Result<Option<&'static str>, Error> {
    let values = table.iter().map(|t| (t.name, Some(t.name)));
    label(labels, key, std::iter::once((v::NONE, None)).chain(values))
}

fn color(labels: &Labels, key: &str, table: &[v::Color]) -> Result<&'static str, Error> {
    label(labels, key, table.iter().map(|t| (t.name, t.hex)))
}

/// The channels of `#rrggbb`; the tables hold nothing else.
fn rgb(hex: &str) -> [u8; 3] {
    let value = u32::from_str_radix(&hex[1..], 16).unwrap_or_default();
    [(value >> 16) as u8, (value >> 8) as u8, value as u8]
}
