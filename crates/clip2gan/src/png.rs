//! PNG files that carry their [`Recipe`] in text chunks.
//!
//! The recipe stands as JSON in an `iTXt` chunk named `clip2gan`; `Description` (the prompt) and `Software` are there for other
//! programs. Any PNG can be read for a recipe; one without gives `None`.

use std::fs::File;
use std::io::{BufReader, BufWriter, Cursor, Write};
use std::path::Path;

use image::RgbImage;

use crate::{Error, Recipe};

/// Name of the chunk that holds the recipe.
pub const KEYWORD: &str = "clip2gan";
/// A text chunk longer than this is not one of ours.
const LONGEST: usize = 1 << 20;

/// Writes a picture and its recipe, whole or not at all.
///
/// # Errors
/// A path that cannot be written.
pub fn write(path: impl AsRef<Path>, image: &RgbImage, recipe: &Recipe) -> Result<(), Error> {
    let path = path.as_ref();
    let mut bytes = Vec::new();
    encode(&mut bytes, image, recipe).map_err(|error| Error::Png {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(clip2gan_weights::write_atomic(path, &bytes)?)
}

/// Encodes a picture and its recipe as a PNG stream.
///
/// # Errors
/// What the encoder or the stream says.
pub fn encode(
    stream: impl Write,
    image: &RgbImage,
    recipe: &Recipe,
) -> Result<(), ::png::EncodingError> {
    let mut encoder = ::png::Encoder::new(BufWriter::new(stream), image.width(), image.height());
    encoder.set_color(::png::ColorType::Rgb);
    encoder.set_depth(::png::BitDepth::Eight);
    encoder.add_text_chunk("Software".into(), format!("clip2gan {}", recipe.version))?;
    if let Some(prompt) = &recipe.prompt {
        encoder.add_itxt_chunk("Description".into(), prompt.clone())?;
    }
    let json = serde_json::to_string(recipe).map_err(std::io::Error::from)?;
    encoder.add_itxt_chunk(KEYWORD.into(), json)?;
    let mut writer = encoder.write_header()?;
    writer.write_image_data(image.as_raw())?;
    writer.finish()
}

/// Reads a PNG's recipe; `None` where it carries none.
///
/// # Errors
/// A file that cannot be opened, is no PNG, or carries a broken recipe.
pub fn read_recipe(path: impl AsRef<Path>) -> Result<Option<Recipe>, Error> {
    let path = path.as_ref();
    let file = File::open(path).map_err(Error::io("open", path))?;
    let broken = |reason: String| Error::Png {
        path: path.to_owned(),
        reason,
    };
    let decoder =
        ::png::Decoder::new_with_limits(BufReader::new(file), ::png::Limits { bytes: 64 << 20 });
    // Text may stand after the pixels, but ours never does.
    let reader = decoder
        .read_info()
        .map_err(|error| broken(error.to_string()))?;
    let chunk = reader
        .info()
        .utf8_text
        .iter()
        .find(|chunk| chunk.keyword == KEYWORD);
    let Some(mut chunk) = chunk.cloned() else {
        return Ok(None);
    };
    chunk
        .decompress_text_with_limit(LONGEST)
        .map_err(|error| broken(error.to_string()))?;
    let text = chunk
        .get_text()
        .map_err(|error| broken(error.to_string()))?;
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|error| broken(format!("its '{KEYWORD}' chunk is not a recipe: {error}")))
}

/// A picture and its recipe as the bytes of a PNG file.
///
/// # Errors
/// As [`encode`].
pub fn to_bytes(image: &RgbImage, recipe: &Recipe) -> Result<Vec<u8>, ::png::EncodingError> {
    let mut bytes = Cursor::new(Vec::new());
    encode(&mut bytes, image, recipe)?;
    Ok(bytes.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> RgbImage {
        RgbImage::from_fn(5, 3, |x, y| image::Rgb([x as u8, y as u8, 200]))
    }

    fn recipe() -> Recipe {
        let mut recipe = Recipe::new("sample", "avatars", "0123abcd").with("truncation", 0.8);
        recipe.prompt = Some("a person with a béret, “smiling” 👒".into());
        recipe.seed = Some(u64::MAX);
        recipe
    }

    #[test]
    fn the_recipe_and_the_pixels_survive() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.png");
        write(&path, &picture(), &recipe()).unwrap();
        assert_eq!(read_recipe(&path).unwrap(), Some(recipe()));
        assert_eq!(image::open(&path).unwrap().to_rgb8(), picture());
    }

    #[test]
    fn a_png_without_a_recipe_has_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plain.png");
        picture().save(&path).unwrap();
        assert_eq!(read_recipe(&path).unwrap(), None);
    }

    #[test]
    fn other_files_are_named_in_the_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("not.png");
        let missing = read_recipe(&path).unwrap_err().to_string();
        assert!(
            missing.contains("cannot open") && missing.contains("not.png"),
            "{missing}"
        );
        std::fs::write(&path, "hello").unwrap();
        let broken = read_recipe(&path).unwrap_err().to_string();
        assert!(broken.contains("not.png: not a readable PNG"), "{broken}");
    }

    #[test]
    fn a_broken_recipe_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("broken.png");
        let mut bytes = Vec::new();
        let mut encoder = ::png::Encoder::new(&mut bytes, 1, 1);
        encoder.set_color(::png::ColorType::Rgb);
        encoder.add_itxt_chunk(KEYWORD.into(), "{}".into()).unwrap();
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&[0, 0, 0]).unwrap();
        writer.finish().unwrap();
        std::fs::write(&path, bytes).unwrap();
        let error = read_recipe(&path).unwrap_err().to_string();
        assert!(error.contains("not a recipe"), "{error}");
    }

    #[test]
    fn the_same_picture_gives_the_same_bytes() {
        let bytes = || to_bytes(&picture(), &recipe()).unwrap();
        assert_eq!(bytes(), bytes());
    }
}
