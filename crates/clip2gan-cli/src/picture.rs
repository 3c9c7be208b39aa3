//! Pictures in and out.

use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};

use crate::error::{Failure, Outcome, at};

/// Reads a PNG, JPEG or WebP, turned as its camera says, on white where it is transparent.
pub fn open(path: &Path) -> Outcome<RgbImage> {
    let picture = clip2gan_clip::open_picture(path)?;
    if !picture.color().has_alpha() {
        return Ok(clip2gan_clip::to_rgb(&picture));
    }
    let mut white = RgbImage::from_pixel(picture.width(), picture.height(), Rgb([255; 3]));
    for (below, above) in white.pixels_mut().zip(picture.to_rgba8().pixels()) {
        let alpha = u16::from(above[3]);
        for channel in 0..3 {
            let mixed = u16::from(above[channel]) * alpha + 255 * (255 - alpha);
            below[channel] = ((mixed + 127) / 255) as u8;
        }
    }
    Ok(white)
}

/// Puts pictures of one size beside and below each other, in about as many rows as columns.
pub fn sheet(pictures: &[RgbImage]) -> RgbImage {
    let columns = (pictures.len() as f64).sqrt().ceil().max(1.0) as usize;
    let pictures: Vec<_> = pictures.iter().cloned().map(Some).collect();
    grid(&pictures, columns)
}

/// Puts pictures of one size in rows of `columns` (at least 1), leaving white where there is none.
pub fn grid(pictures: &[Option<RgbImage>], columns: usize) -> RgbImage {
    let rows = pictures.len().div_ceil(columns) as u32;
    let columns = columns as u32;
    let first = pictures.iter().flatten().next();
    let (width, height) = first.map_or((0, 0), RgbImage::dimensions);
    let mut sheet = RgbImage::from_pixel(columns * width, rows * height, Rgb([255; 3]));
    for (place, picture) in (0..).zip(pictures) {
        let (x, y) = (place % columns * width, place / columns * height);
        if let Some(picture) = picture {
            image::imageops::replace(&mut sheet, picture, i64::from(x), i64::from(y));
        }
    }
    sheet
}

/// Makes sure that a PNG can be written to `path`, before any work is done for it.
pub fn check_target(path: &Path) -> Outcome {
    let extension = path.extension().and_then(|extension| extension.to_str());
    if !extension.is_some_and(|extension| extension.eq_ignore_ascii_case("png")) {
        return Err(Failure::usage(format!("cannot write {}", path.display()))
            .expected("a file name that ends in .png"));
    }
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder).map_err(at(folder))?;
    }
    Ok(())
}

/// `out.png` and seed 7 → `out-7.png`.
pub fn numbered(path: &Path, seed: u64) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}-{seed}.png"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_fills_rows_first() {
        let pictures: Vec<RgbImage> = (0..3)
            .map(|level| RgbImage::from_pixel(2, 2, Rgb([level; 3])))
            .collect();
        let sheet = sheet(&pictures);
        assert_eq!(sheet.dimensions(), (4, 4));
        let levels = [(0, 0), (2, 0), (0, 2), (2, 2)].map(|(x, y)| sheet.get_pixel(x, y)[0]);
        assert_eq!(levels, [0, 1, 2, 255]);
    }

    #[test]
    fn only_png_is_written() {
        assert_eq!(check_target(Path::new("out.jpg")).unwrap_err().code, 2);
        assert!(check_target(Path::new("out.PNG")).is_ok());
    }

    #[test]
    fn numbered_files_stay_in_their_folder() {
        assert_eq!(
            numbered(Path::new("a/out.png"), 7),
            Path::new("a/out-7.png")
        );
    }

    #[test]
    fn a_picture_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bad.png");
        std::fs::write(&path, "no picture").unwrap();
        let error = open(&path).unwrap_err().to_string();
        assert!(
            error.contains("bad.png") && error.contains("expected a PNG"),
            "{error}"
        );
    }

    #[test]
    fn what_is_transparent_becomes_white() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clear.png");
        image::RgbaImage::from_pixel(1, 1, image::Rgba([9, 9, 9, 0]))
            .save(&path)
            .unwrap();
        assert_eq!(open(&path).unwrap().get_pixel(0, 0), &Rgb([255; 3]));
    }
}
