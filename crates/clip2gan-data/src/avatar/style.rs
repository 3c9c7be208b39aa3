//! The *avataaars* drawing style: a tree of SVG elements whose parts are
//! components with variants and whose fills are named colours.
//!
//! The definition comes as JSON from the crate `dicebear-styles`. It is read
//! here without `dicebear-core`, which would bring a JSON-schema validator and
//! run it for each picture; `tests/golden` holds drawings of DiceBear's own
//! renderer to prove that both give the same picture.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

use crate::Error;

/// A style's definition.
#[derive(Debug, Deserialize)]
pub(super) struct Style {
    pub meta: Meta,
    pub canvas: Canvas,
    pub components: BTreeMap<String, Component>,
}

/// Who drew the style, and what may be done with it.
#[derive(Debug, Deserialize)]
pub(super) struct Meta {
    pub license: License,
    pub creator: Link,
    pub source: Link,
}

#[derive(Debug, Deserialize)]
pub(super) struct License {
    pub name: String,
    pub url: String,
    pub text: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Link {
    pub name: String,
    pub url: String,
}

/// The outermost elements, painted one over the other.
#[derive(Debug, Deserialize)]
pub(super) struct Canvas {
    pub width: f32,
    pub height: f32,
    pub elements: Vec<Element>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Component {
    pub variants: BTreeMap<String, Variant>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Variant {
    pub elements: Vec<Element>,
}

/// An SVG element, or the place where a component's variant goes.
#[derive(Debug, Deserialize)]
pub(super) struct Element {
    #[serde(rename = "type")]
    pub kind: Kind,
    pub name: String,
    #[serde(default)]
    attributes: BTreeMap<String, Attribute>,
    #[serde(default)]
    children: Vec<Element>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Element,
    Component,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Attribute {
    Text(String),
    Color { name: String },
}

/// What is drawn: component → variant (a component left out is not drawn) and
/// colour → `#rrggbb`.
pub(super) struct Choice<'a> {
    pub variants: &'a [(&'a str, &'a str)],
    pub colors: &'a [(&'a str, &'a str)],
}

impl Style {
    /// Reads the definition of *avataaars*.
    pub fn avataaars() -> Result<Self, Error> {
        serde_json::from_str(dicebear_styles::AVATAAARS).map_err(|e| Error::Style(e.to_string()))
    }

    /// An SVG document of one of the canvas's outermost elements.
    pub fn svg(&self, element: &Element, choice: &Choice) -> Result<String, Error> {
        let (w, h) = (self.canvas.width, self.canvas.height);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" fill=\"none\">"
        );
        self.write(element, choice, &mut out)?;
        out.push_str("</svg>");
        Ok(out)
    }

    fn write(&self, element: &Element, choice: &Choice, out: &mut String) -> Result<(), Error> {
        let (tag, children) = match element.kind {
            Kind::Element => (element.name.as_str(), &element.children),
            Kind::Component => match lookup(choice.variants, &element.name) {
                None => return Ok(()),
                Some(variant) => ("g", &self.variant(&element.name, variant)?.elements),
            },
        };
        let _ = write!(out, "<{tag}");
        for (key, value) in &element.attributes {
            let value = match value {
                Attribute::Text(text) => text.as_str(),
                Attribute::Color { name } => lookup(choice.colors, name)
                    .ok_or_else(|| Error::Style(format!("no colour chosen for {name:?}")))?,
            };
            let _ = write!(out, " {key}=\"{value}\"");
        }
        out.push('>');
        for child in children {
            self.write(child, choice, out)?;
        }
        let _ = write!(out, "</{tag}>");
        Ok(())
    }

    fn variant(&self, component: &str, variant: &str) -> Result<&Variant, Error> {
        self.components
            .get(component)
            .and_then(|c| c.variants.get(variant))
            .ok_or_else(|| Error::Style(format!("component {component:?} has no {variant:?}")))
    }
}

fn lookup<'a>(pairs: &[(&str, &'a str)], key: &str) -> Option<&'a str> {
    pairs.iter().find(|(k, _)| *k == key).map(|(_, v)| *v)
}
