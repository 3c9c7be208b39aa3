//! A bundle: one folder with everything between a sentence and a picture.
//!
//! ```text
//! bundle.json                 name, format, defaults ([`Manifest`])
//! clip/config.json, model.safetensors, tokenizer.json[, words.txt]
//! mapper/config.json, model.safetensors
//! generator/config.json, model.safetensors
//! [memory.safetensors]
//! ```
//!
//! Other files in the folder are left alone and do not count for the hash.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use clip2gan_clip::{Clip, Tokenizer};
use clip2gan_mapper::{Mapper, Memory};
use clip2gan_stylegan2::{Generator, GeneratorConfig};
use clip2gan_weights::{Dtype, write_atomic};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Error;

/// The file that makes a folder a bundle.
pub const MANIFEST: &str = "bundle.json";
/// Features of pictures, for [`Memory`].
const MEMORY: &str = "memory.safetensors";
/// The format that this version reads and writes.
pub const FORMAT: u32 = 1;
/// The parts' files, and whether a bundle may lack them.
const FILES: [(&str, bool); 9] = [
    ("clip/config.json", false),
    ("clip/model.safetensors", false),
    ("clip/tokenizer.json", false),
    ("clip/words.txt", true),
    ("generator/config.json", false),
    ("generator/model.safetensors", false),
    ("mapper/config.json", false),
    ("mapper/model.safetensors", false),
    (MEMORY, true),
];

/// What a bundle says about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The folder's format: [`FORMAT`].
    pub format: u32,
    /// The bundle's name, such as "avatars".
    pub name: String,
    /// One sentence about what it draws and where it comes from.
    #[serde(default)]
    pub description: String,
    /// What is used where a caller says nothing.
    #[serde(default)]
    pub defaults: Defaults,
}

/// What is used where a caller says nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Defaults {
    /// Truncation ψ of a sample: 1 for none, 0 for the mean picture.
    pub truncation: f64,
    /// Scale s of the noise on a sentence's feature: more gives more varied pictures that answer less exactly.
    pub feature_noise: f64,
    /// Remembered pictures that a sentence's feature is mixed of, in bundles with a [`Memory`]; 0 takes the sentence's own.
    pub neighbours: usize,
    /// The sentence that an edit is compared with.
    pub neutral: String,
    /// α of an edit.
    pub strength: f64,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            truncation: 1.0,
            feature_noise: 0.25,
            neighbours: 8,
            neutral: "a person".into(),
            strength: 1.0,
        }
    }
}

impl Manifest {
    /// A manifest of this format with the usual defaults.
    pub fn new(name: &str, description: &str) -> Self {
        Self {
            format: FORMAT,
            name: name.to_owned(),
            description: description.to_owned(),
            defaults: Defaults::default(),
        }
    }
}

/// CLIP, mapper and generator, ready to draw.
#[derive(Debug)]
pub struct Bundle {
    /// What the bundle says about itself.
    pub manifest: Manifest,
    /// Sentences and pictures to features.
    pub clip: Clip,
    /// Sentences to tokens.
    pub tokenizer: Tokenizer,
    /// Features to latents.
    pub mapper: Mapper,
    /// Latents to pictures.
    pub generator: Generator,
    /// The generator's sizes.
    pub generator_config: GeneratorConfig,
    /// Features of pictures, which stand in for sentences'.
    pub memory: Option<Memory>,
    hash: String,
}

impl Bundle {
    /// Puts parts together. They must be on one device, without autodiff. The bundle has no hash until it is
    /// [saved](Self::save).
    ///
    /// # Errors
    /// [`Error::Unfit`] naming the size in which two parts disagree.
    pub fn new(
        manifest: Manifest,
        (clip, tokenizer): (Clip, Tokenizer),
        mapper: Mapper,
        (generator, generator_config): (Generator, GeneratorConfig),
    ) -> Result<Self, Error> {
        let sizes = mapper.config();
        let pairs = [
            (
                "clip's embed_dim and the mapper's feature_dim",
                sizes.feature_dim,
                clip.config().embed_dim,
            ),
            (
                "the generator's and the mapper's w_dim",
                sizes.w_dim,
                generator_config.w_dim,
            ),
            (
                "the generator's and the mapper's num_ws",
                sizes.num_ws,
                generator_config.num_ws(),
            ),
            (
                "the generator's img_channels",
                3,
                generator_config.img_channels,
            ),
            // A sentence chooses a picture; nothing would choose a class.
            ("the generator's c_dim", 0, generator_config.c_dim),
        ];
        for (what, expected, found) in pairs {
            if expected != found {
                return Err(Error::Unfit {
                    what,
                    expected: expected.to_string(),
                    found: found.to_string(),
                });
            }
        }
        Ok(Self {
            manifest,
            clip,
            tokenizer,
            mapper,
            generator,
            generator_config,
            memory: None,
            hash: String::new(),
        })
    }

    /// The same bundle with remembered pictures.
    ///
    /// # Errors
    /// [`Error::Unfit`] if they are not of CLIP's width.
    pub fn with_memory(mut self, memory: Memory) -> Result<Self, Error> {
        let ([_, found], expected) = (memory.dims(), self.clip.config().embed_dim);
        if found != expected {
            return Err(Error::Unfit {
                what: "clip's embed_dim and the memory's feature_dim",
                expected: expected.to_string(),
                found: found.to_string(),
            });
        }
        self.memory = Some(memory);
        Ok(self)
    }

    /// Reads a bundle's folder. Nothing in it is executed.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Manifest`] or the part's own error, with the file and what was expected.
    pub fn load(dir: impl AsRef<Path>, device: &Device) -> Result<Self, Error> {
        let dir = dir.as_ref();
        let manifest = read_manifest(dir)?;
        for (file, optional) in FILES {
            let path = dir.join(file);
            if !optional && !path.is_file() {
                return Err(Error::Missing {
                    path,
                    expected: "a bundle with clip, mapper and generator",
                });
            }
        }
        let device = device.clone().without_autodiff();
        let mut bundle = Self::new(
            manifest,
            Clip::load(dir.join("clip"), &device)?,
            Mapper::load(dir.join("mapper"), &device)?,
            Generator::load(dir.join("generator"), &device)?,
        )?;
        let memory = dir.join(MEMORY);
        if memory.is_file() {
            bundle = bundle.with_memory(Memory::load(memory, &device)?)?;
        }
        bundle.hash = hash(dir)?;
        Ok(bundle)
    }

    /// Writes the bundle into a folder, weights in half precision, and returns its hash. The manifest comes last, so that a
    /// folder with a new manifest holds new parts.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save(&self, dir: impl AsRef<Path>) -> Result<String, Error> {
        let dir = dir.as_ref();
        fs::create_dir_all(dir).map_err(Error::io("make folder", dir))?;
        self.clip
            .save(dir.join("clip"), &self.tokenizer, Dtype::F16)?;
        self.mapper.save(dir.join("mapper"), Dtype::F16)?;
        self.generator
            .save(&self.generator_config, dir.join("generator"), Dtype::F16)?;
        if let Some(memory) = &self.memory {
            memory.save(dir.join(MEMORY), Dtype::F16)?;
        }
        let path = dir.join(MANIFEST);
        let mut text = serde_json::to_string_pretty(&self.manifest)
            .map_err(|error| unreadable(&path, "a bundle's manifest", error))?;
        text.push('\n');
        write_atomic(&path, text.as_bytes())?;
        hash(dir)
    }

    /// SHA-256 over the bundle's files, in hexadecimal; empty for a bundle that was put together and not loaded.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Side of the pictures it draws, in pixels.
    pub fn resolution(&self) -> usize {
        self.generator_config.resolution
    }

    /// The device it draws on.
    pub fn device(&self) -> Device {
        self.mapper.w_avg.val().device()
    }
}

fn read_manifest(dir: &Path) -> Result<Manifest, Error> {
    let path = dir.join(MANIFEST);
    if !path.is_file() {
        return Err(Error::Missing {
            path,
            expected: "a bundle's manifest",
        });
    }
    let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
    // The format is looked at alone first: another one may have other fields.
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let Format { format } = serde_json::from_str(&text)
        .map_err(|error| unreadable(&path, "JSON with a number 'format'", error))?;
    if format != FORMAT {
        return Err(Error::Manifest {
            path,
            field: "format",
            expected: format!("{FORMAT}, which clip2gan {} reads", crate::VERSION),
            found: format.to_string(),
        });
    }
    serde_json::from_str(&text).map_err(|error| unreadable(&path, "a bundle's manifest", error))
}

fn unreadable(path: &Path, expected: &str, error: serde_json::Error) -> Error {
    Error::Manifest {
        path: path.to_owned(),
        field: "the file",
        expected: expected.to_owned(),
        found: error.to_string(),
    }
}

/// SHA-256 over the manifest and the parts' files: for each, its name, a zero, its length in 8 bytes, and its bytes.
fn hash(dir: &Path) -> Result<String, Error> {
    let mut digest = Sha256::new();
    let files = FILES.iter().map(|(file, optional)| (*file, *optional));
    for (file, optional) in std::iter::once((MANIFEST, false)).chain(files) {
        let path: PathBuf = dir.join(file);
        if optional && !path.is_file() {
            continue;
        }
        let bytes = fs::read(&path).map_err(Error::io("read", &path))?;
        digest.update(file.as_bytes());
        digest.update([0]);
        digest.update((bytes.len() as u64).to_le_bytes());
        digest.update(&bytes);
    }
    Ok(digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}
