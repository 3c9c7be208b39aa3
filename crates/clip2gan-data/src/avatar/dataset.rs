//! Avatars as a dataset.

use image::RgbImage;

use super::painter::Painter;
use super::style::Style;
use super::{AvatarConfig, avatar_labels, avatar_text};
use crate::{Dataset, Error, Labels, Sample};

/// Endless people in the style *avataaars*, made from a seed.
///
/// The picture, labels and caption at an index depend on nothing but the
/// configuration and the index.
pub struct AvatarDataset {
    config: AvatarConfig,
    painter: Painter,
}

impl AvatarDataset {
    /// # Errors
    /// [`Error::Config`] if a setting is out of its range.
    pub fn new(config: AvatarConfig) -> Result<Self, Error> {
        let bad = |name, expected, found: &dyn ToString| Error::Config {
            name,
            expected,
            found: found.to_string(),
        };
        if !(1..=4096).contains(&config.resolution) {
            return Err(bad("resolution", "1 to 4096", &config.resolution));
        }
        if config.len == 0 {
            return Err(bad("len", "at least 1", &config.len));
        }
        let view = config.view;
        if !(view.side > 0. && view.side.is_finite() && view.x.is_finite() && view.y.is_finite()) {
            return Err(bad("view.side", "above 0", &view.side));
        }
        Ok(Self {
            config,
            painter: Painter::new()?,
        })
    }

    /// What the dataset was made of.
    pub fn config(&self) -> &AvatarConfig {
        &self.config
    }

    /// The labels at `index`, without drawing; any index has some.
    pub fn labels(&self, index: usize) -> Labels {
        avatar_labels(self.config.seed, self.config.split, index)
    }

    /// Draws labels of one's own, for example those of an avatar with one
    /// changed.
    ///
    /// # Errors
    /// [`Error::Label`] naming a label that is missing or unknown.
    pub fn draw(&self, labels: &Labels) -> Result<RgbImage, Error> {
        self.painter
            .draw(labels, self.config.resolution, self.config.view)
    }
}

impl Dataset for AvatarDataset {
    fn len(&self) -> usize {
        self.config.len
    }

    fn resolution(&self) -> u32 {
        self.config.resolution
    }

    fn get(&self, index: usize) -> Result<Sample, Error> {
        if index >= self.config.len {
            let len = self.config.len;
            return Err(Error::Index { index, len });
        }
        let (labels, caption) = avatar_text(self.config.seed, self.config.split, index);
        Ok(Sample {
            image: self.draw(&labels)?,
            caption: Some(caption),
            labels,
        })
    }
}

/// Who drew the parts of the avatars and under which licence, as Markdown,
/// from the style's own definition.
///
/// # Errors
/// [`Error::Style`] if the definition cannot be read.
pub fn attribution() -> Result<String, Error> {
    let meta = Style::avataaars()?.meta;
    let link = |name: &str, url: &str| format!("[{name}]({url})");
    Ok(format!(
        "# Attribution\n\n\
         The avatars, and the pictures that the default bundle has learnt from, are drawn from the parts of\n\
         the style *avataaars*, in the form that the crate `dicebear-styles` (DiceBear) ships.\n\n\
         - Artist: {}\n- Licence: {}\n- Source: {}\n\n> {}\n",
        link(&meta.creator.name, &meta.creator.url),
        link(&meta.license.name, &meta.license.url),
        link(&meta.source.name, &meta.source.url),
        meta.license.text,
    ))
}
