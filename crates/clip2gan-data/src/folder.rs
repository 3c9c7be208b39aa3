//! Pictures in a folder: PNG, JPEG or WebP, with captions or without.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageDecoder, ImageReader, RgbImage};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{Dataset, Error, Labels, Sample};

/// The file of a folder that holds the captions, one JSON object a line.
const CAPTIONS: &str = "captions.jsonl";

/// A line of `captions.jsonl`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// The picture's path within the folder, with `/`.
    file: String,
    caption: Option<String>,
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    labels: Labels,
}

/// The pictures of a folder and its subfolders, in the order of their paths.
///
/// A caption comes from the folder's `captions.jsonl`
/// (`{"file": "a.png", "caption": "…", "labels": {…}}`, caption and labels may be left out)
/// or else from a text file beside the picture (`a.txt` for `a.png`).
/// Pictures are turned as their EXIF data say, cut to a square around the
/// centre and resized; what is transparent becomes white.
#[derive(Debug)]
pub struct ImageFolder {
    root: PathBuf,
    files: Vec<PathBuf>,
    captions: HashMap<String, Line>,
    resolution: u32,
}

impl ImageFolder {
    /// # Errors
    /// [`Error::Io`] if the folder cannot be read, [`Error::EmptyFolder`] if it
    /// has no pictures, [`Error::Captions`] if a line of `captions.jsonl` is
    /// wrong or names a file that is not there. The pictures themselves are
    /// read by [`Dataset::get`]; [`Self::check`] reads them all.
    pub fn open(root: impl AsRef<Path>, resolution: u32) -> Result<Self, Error> {
        let root = root.as_ref().to_path_buf();
        if resolution == 0 {
            return Err(Error::Config {
                name: "resolution",
                expected: "at least 1",
                found: "0".into(),
            });
        }
        let files = picture_files(&root)?;
        if files.is_empty() {
            return Err(Error::EmptyFolder { path: root });
        }
        let captions = read_captions(&root)?;
        Ok(Self {
            root,
            files,
            captions,
            resolution,
        })
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The pictures' paths, in order.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The pictures' paths within the folder, with `/`, in order.
    pub fn names(&self) -> Vec<String> {
        self.files.iter().map(|file| self.name(file)).collect()
    }

    fn name(&self, file: &Path) -> String {
        let name = file.strip_prefix(&self.root).unwrap_or(file);
        let name: Vec<_> = name.iter().map(|p| p.to_string_lossy()).collect();
        name.join("/")
    }

    /// Reads every picture, and gives the errors of those that cannot be read.
    pub fn check(&self) -> Vec<Error> {
        let bad = |index| self.get(index).err();
        (0..self.len()).into_par_iter().filter_map(bad).collect()
    }

    fn text(&self, file: &Path) -> Result<(Option<String>, Labels), Error> {
        if let Some(line) = self.captions.get(&self.name(file)) {
            return Ok((line.caption.clone(), line.labels.clone()));
        }
        let beside = file.with_extension("txt");
        match fs::read_to_string(&beside) {
            Ok(text) => Ok((Some(text.trim().to_string()), Labels::new())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok((None, Labels::new())),
            Err(e) => Err(Error::io(&beside, e)),
        }
    }
}

impl Dataset for ImageFolder {
    fn len(&self) -> usize {
        self.files.len()
    }

    fn resolution(&self) -> u32 {
        self.resolution
    }

    fn get(&self, index: usize) -> Result<Sample, Error> {
        let len = self.files.len();
        let file = self.files.get(index).ok_or(Error::Index { index, len })?;
        let (caption, labels) = self.text(file)?;
        Ok(Sample {
            image: square(&read_picture(file)?, self.resolution),
            caption,
            labels,
        })
    }
}

/// The PNG, JPEG and WebP files of a folder and its subfolders, in the order of their paths.
///
/// # Errors
/// [`Error::Io`] if a folder cannot be read.
pub fn picture_files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.sort();
    Ok(files)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    for entry in fs::read_dir(folder).map_err(|e| Error::io(folder, e))? {
        let path = entry.map_err(|e| Error::io(folder, e))?.path();
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("");
        let extension = extension.to_ascii_lowercase();
        if path.is_dir() {
            collect(&path, files)?;
        } else if ["png", "jpg", "jpeg", "webp"].contains(&extension.as_str()) {
            files.push(path);
        }
    }
    Ok(())
}

fn read_captions(root: &Path) -> Result<HashMap<String, Line>, Error> {
    let path = root.join(CAPTIONS);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(e) => return Err(Error::io(&path, e)),
    };
    let mut captions = HashMap::new();
    for (index, text) in BufReader::new(file).lines().enumerate() {
        let text = text.map_err(|e| Error::io(&path, e))?;
        if text.trim().is_empty() {
            continue;
        }
        let wrong = |message| Error::Captions {
            path: path.clone(),
            line: index + 1,
            message,
        };
        let line: Line = serde_json::from_str(&text).map_err(|e| wrong(e.to_string()))?;
        if !root.join(&line.file).is_file() {
            return Err(wrong(format!("there is no file {:?}", line.file)));
        }
        captions.insert(line.file.clone(), line);
    }
    Ok(captions)
}

fn read_picture(path: &Path) -> Result<DynamicImage, Error> {
    let reader = ImageReader::open(path).map_err(|e| Error::io(path, e))?;
    let reader = reader
        .with_guessed_format()
        .map_err(|e| Error::io(path, e))?;
    let decode = |reader: ImageReader<BufReader<File>>| {
        let mut decoder = reader.into_decoder()?;
        let orientation = decoder.orientation()?;
        let mut picture = DynamicImage::from_decoder(decoder)?;
        picture.apply_orientation(orientation);
        Ok(picture)
    };
    decode(reader).map_err(|e| Error::picture(path, e))
}

/// The largest square around the centre, resized, on white.
fn square(picture: &DynamicImage, size: u32) -> RgbImage {
    let side = picture.width().min(picture.height());
    let (x, y) = ((picture.width() - side) / 2, (picture.height() - side) / 2);
    let square = picture.crop_imm(x, y, side, side);
    let mut rgba = square.to_rgba8();
    for pixel in rgba.pixels_mut() {
        let alpha = u32::from(pixel[3]);
        for channel in &mut pixel.0[..3] {
            *channel = ((u32::from(*channel) * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
        }
    }
    let rgb = DynamicImage::ImageRgba8(rgba).into_rgb8();
    match side == size {
        true => rgb,
        false => imageops::resize(&rgb, size, size, FilterType::Lanczos3),
    }
}

/// Writes the first `n` pictures of `dataset` as PNG, with `captions.jsonl`,
/// into `folder`, so that people can look at them and [`ImageFolder`] can read
/// them.
///
/// # Errors
/// [`Error::Index`] if `n` is beyond the end; [`Error::Io`] if a file cannot be written.
pub fn write_folder<D: Dataset + ?Sized>(
    dataset: &D,
    folder: impl AsRef<Path>,
    n: usize,
) -> Result<(), Error> {
    let folder = folder.as_ref();
    fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
    let captions = folder.join(CAPTIONS);
    let lines = (0..n)
        .into_par_iter()
        .map(|index| {
            let sample = dataset.get(index)?;
            let file = format!("{index:06}.png");
            let path = folder.join(&file);
            sample
                .image
                .save(&path)
                .map_err(|e| Error::picture(&path, e))?;
            serde_json::to_string(&Line {
                file,
                caption: sample.caption,
                labels: sample.labels,
            })
            .map_err(|e| Error::io(&captions, e.into()))
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let write = || {
        let mut file = BufWriter::new(File::create(&captions)?);
        for line in &lines {
            writeln!(file, "{line}")?;
        }
        file.flush()
    };
    write().map_err(|e| Error::io(&captions, e))
}
