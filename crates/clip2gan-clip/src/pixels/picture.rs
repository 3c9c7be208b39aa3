//! Picture files to 8-bit RGB, as PIL gives them.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageReader, ImageResult, RgbImage};

use crate::Error;

/// Reads a PNG, JPEG or WebP and turns it as its EXIF data say (PIL's `ImageOps.exif_transpose`).
///
/// # Errors
/// If the file cannot be read or is no such picture; the path is named.
pub fn open_picture(path: impl AsRef<Path>) -> Result<DynamicImage, Error> {
    let path = path.as_ref();
    let file = |source| Error::File {
        path: path.into(),
        source,
    };
    let reader = ImageReader::open(path).map_err(file)?;
    let reader = reader.with_guessed_format().map_err(file)?;
    decode(reader).map_err(|source| Error::Picture {
        path: path.into(),
        source,
    })
}

fn decode(reader: ImageReader<BufReader<File>>) -> ImageResult<DynamicImage> {
    let mut decoder = reader.into_decoder()?;
    let orientation = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// Any picture as 8-bit RGB, as PIL's `convert("RGB")`: transparency is dropped, of 16 bits the upper 8 are kept.
pub fn to_rgb(picture: &DynamicImage) -> RgbImage {
    match picture {
        DynamicImage::ImageLuma16(_)
        | DynamicImage::ImageLumaA16(_)
        | DynamicImage::ImageRgb16(_)
        | DynamicImage::ImageRgba16(_) => {
            let wide = picture.to_rgb16();
            let upper = wide.as_raw().iter().map(|value| (value >> 8) as u8);
            RgbImage::from_raw(wide.width(), wide.height(), upper.collect())
                .unwrap_or_else(|| picture.to_rgb8())
        }
        _ => picture.to_rgb8(),
    }
}
