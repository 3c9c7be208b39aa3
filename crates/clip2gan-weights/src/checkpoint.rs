//! Checkpoints of any format: which format it is, and what it holds.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use serde_json::Value as Json;

use crate::fault::{Fault, Found};
use crate::outline::{Outline, outline};
use crate::torch::legacy;
use crate::torch::storage::Storages;
use crate::torch::tensor::View;
use crate::torch::zip::Archive;
use crate::{Array, Dtype, Error, Family, Metadata, Module, Result, npy, pickle, safetensors};

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// Safetensors.
    Safetensors,
    /// A zip archive as `torch.save` writes it since PyTorch 1.6.
    Torch,
    /// A zip archive of TorchScript.
    TorchScript,
    /// A stream of pickles as `torch.save` wrote it before.
    LegacyTorch,
    /// A pickle that holds its tensors, as NVlabs writes.
    Pickle,
    /// A zip archive of NumPy's arrays, as `numpy.savez` writes it.
    Npz,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Format::Safetensors => "safetensors",
            Format::Torch => "PyTorch",
            Format::TorchScript => "TorchScript",
            Format::LegacyTorch => "legacy PyTorch",
            Format::Pickle => "pickle",
            Format::Npz => "NumPy",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The type and shape of an array that was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrayInfo {
    /// The type of the elements.
    pub dtype: Dtype,
    /// The length of each dimension.
    pub shape: Vec<usize>,
}

/// What a checkpoint holds. `A` is [`Array`], or [`ArrayInfo`] where the arrays were not read.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Checkpoint<A = Array> {
    /// The file's format.
    pub format: Format,
    /// The family of networks inside.
    pub family: Family,
    /// The arrays by dotted keys: `G_ema.mapping.fc0.weight`. Buffers are among them.
    pub arrays: BTreeMap<String, A>,
    /// The modules by dotted keys, where the format keeps modules: `G_ema.mapping`.
    pub modules: BTreeMap<String, Module>,
    /// Everything that is neither array nor module, by dotted keys.
    pub values: BTreeMap<String, Json>,
    /// The free text of a safetensors file.
    pub metadata: Metadata,
}

/// What [`describe`] tells of a checkpoint.
pub type Description = Checkpoint<ArrayInfo>;

impl Description {
    /// How many elements all arrays have together.
    pub fn elements(&self) -> u64 {
        let elements = |info: &ArrayInfo| {
            info.shape
                .iter()
                .map(|&length| length as u64)
                .product::<u64>()
        };
        self.arrays.values().map(elements).sum()
    }

    /// The types of the arrays, each once.
    pub fn dtypes(&self) -> BTreeSet<Dtype> {
        self.arrays.values().map(|info| info.dtype).collect()
    }
}

/// Reads a checkpoint of any format: safetensors, PyTorch's archives and streams, TorchScript, NVlabs' pickles,
/// NumPy's archives.
///
/// The format is told by the file's bytes, not by its name. Nothing in the file is executed: a pickle is read as data,
/// and one that names anything beyond a fixed list of classes and functions gives [`Error::Refused`]. Memory and time
/// are bounded: the arrays together may take four times the file's size, and no more.
pub fn read_checkpoint(path: impl AsRef<Path>) -> Result<Checkpoint> {
    let path = path.as_ref();
    let (file, length) = open(path)?;
    read_from(path, file, length)
}

/// As [`read_checkpoint`], from the bytes of a file; `path` only names it in errors.
pub fn parse_checkpoint(path: &Path, bytes: &[u8]) -> Result<Checkpoint> {
    read_from(path, Cursor::new(bytes), bytes.len() as u64)
}

/// Tells what is in a checkpoint without reading its arrays.
///
/// Of safetensors only the header is read, of PyTorch's archives only the pickle. Streams and pickles have their
/// structure all over the file, which is read whole; its arrays are still not laid out.
pub fn describe(path: impl AsRef<Path>) -> Result<Description> {
    let path = path.as_ref();
    let (mut file, length) = open(path)?;
    let start = start(&mut file).map_err(|fault| fault.in_file(path, "checkpoint"))?;
    if is_safetensors(&start) {
        let (arrays, metadata) = safetensors::read_header(path, &mut file, length)?;
        return Ok(Checkpoint {
            format: Format::Safetensors,
            family: Family::of(arrays.keys().map(String::as_str)),
            arrays: arrays
                .into_iter()
                .map(|(key, (dtype, shape))| (key, ArrayInfo { dtype, shape }))
                .collect(),
            modules: BTreeMap::new(),
            values: BTreeMap::new(),
            metadata,
        });
    }
    pickled(path, file, length, &start)
}

fn open(path: &Path) -> Result<(File, u64)> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    let length = file.metadata().map_err(Error::io("read", path))?.len();
    Ok((file, length))
}

fn read_from(path: &Path, mut file: impl Read + Seek, length: u64) -> Result<Checkpoint> {
    let start = start(&mut file).map_err(|fault| fault.in_file(path, "checkpoint"))?;
    if is_safetensors(&start) {
        let bytes = whole(&mut file, length).map_err(|fault| fault.in_file(path, "safetensors"))?;
        let (arrays, metadata) = safetensors::parse(path, &bytes)?;
        return Ok(Checkpoint {
            format: Format::Safetensors,
            family: Family::of(arrays.keys().map(String::as_str)),
            arrays,
            modules: BTreeMap::new(),
            values: BTreeMap::new(),
            metadata,
        });
    }
    pickled(path, file, length, &start)
}

/// The first bytes, by which formats are told apart.
fn start(file: &mut (impl Read + Seek)) -> Found<Vec<u8>> {
    let mut start = Vec::new();
    file.by_ref()
        .take(9)
        .read_to_end(&mut start)
        .map_err(Fault::Io)?;
    Ok(start)
}

/// Whether a file begins with the length of a header (of less than 4 GB) and the header's brace.
fn is_safetensors(start: &[u8]) -> bool {
    matches!(start, [_, _, _, _, 0, 0, 0, 0, b'{'])
}

fn whole(file: &mut (impl Read + Seek), length: u64) -> Found<Vec<u8>> {
    file.seek(SeekFrom::Start(0)).map_err(Fault::Io)?;
    let mut bytes = Vec::new();
    file.take(length)
        .read_to_end(&mut bytes)
        .map_err(Fault::Io)?;
    Ok(bytes)
}

/// An array, or what is known of it without reading it.
trait Take: Sized {
    fn take<'a, R: Read + Seek>(view: View<'a>, storages: &mut Storages<'a, R>) -> Found<Self>;
}

impl Take for Array {
    fn take<'a, R: Read + Seek>(view: View<'a>, storages: &mut Storages<'a, R>) -> Found<Self> {
        let data = view.gather(storages.bytes(view.storage)?)?;
        Ok(Array {
            dtype: view.dtype,
            shape: view.shape,
            data,
        })
    }
}

impl Take for ArrayInfo {
    fn take<'a, R: Read + Seek>(view: View<'a>, _: &mut Storages<'a, R>) -> Found<Self> {
        Ok(ArrayInfo {
            dtype: view.dtype,
            shape: view.shape,
        })
    }
}

/// Reads any format but safetensors.
fn pickled<A: Take>(
    path: &Path,
    mut file: impl Read + Seek,
    length: u64,
    start: &[u8],
) -> Result<Checkpoint<A>> {
    if start.starts_with(b"PK") {
        return archive(file, length).map_err(|fault| fault.in_file(path, Format::Torch.name()));
    }
    // Protocols from 2 on begin with 0x80; before, with a mark, a class or a container.
    if !matches!(start.first(), Some(0x80 | b'(' | b'c' | b'}' | b']')) {
        let reason = "it begins as neither safetensors, a zip archive nor a pickle".to_owned();
        return Err(Fault::Invalid(reason).in_file(path, "checkpoint"));
    }
    let mut format = Format::Pickle;
    let bytes = whole(&mut file, length).map_err(|fault| fault.in_file(path, format.name()))?;
    stream(&bytes, &mut format).map_err(|fault| fault.in_file(path, format.name()))
}

fn stream<A: Take>(bytes: &[u8], format: &mut Format) -> Found<Checkpoint<A>> {
    let pickle = pickle::load(bytes)?;
    if !legacy::is_magic(&pickle) {
        let outline = outline(&pickle, bytes.len())?;
        let none = Storages::<Cursor<&[u8]>>::None;
        return collect(*format, outline, none, bytes.len() as u64);
    }
    *format = Format::LegacyTorch;
    let stream = legacy::parse(bytes)?;
    let outline = outline(&stream.pickle, bytes.len())?;
    let storages = Storages::<Cursor<&[u8]>>::Stream(stream.storages);
    collect(*format, outline, storages, bytes.len() as u64)
}

fn archive<A: Take>(file: impl Read + Seek, length: u64) -> Found<Checkpoint<A>> {
    const PICKLE: &str = "data.pkl";
    let mut archive = Archive::open(file, length)?;
    if archive.names().all(|name| name.ends_with(npy::EXTENSION)) {
        return npz(archive);
    }
    let folder = archive
        .names()
        .filter_map(|name| name.strip_suffix(PICKLE))
        .find(|folder| folder.ends_with('/') && folder.matches('/').count() == 1)
        .map(str::to_owned);
    let Some(folder) = folder else {
        return Fault::invalid(format!(
            "the zip archive has no `{PICKLE}` in a folder at its top"
        ));
    };
    let order = format!("{folder}byteorder");
    if archive.size(&order).is_some() && archive.read(&order)? != b"little" {
        return Fault::invalid("the archive is not little-endian");
    }
    let script = archive.size(&format!("{folder}constants.pkl")).is_some();
    let bytes = archive.read(&format!("{folder}{PICKLE}"))?;
    let pickle = pickle::load(&bytes)?;
    let outline = outline(&pickle, bytes.len())?;
    let format = if script {
        Format::TorchScript
    } else {
        Format::Torch
    };
    let storages = Storages::Archive {
        archive: &mut archive,
        folder: &folder,
        last: None,
    };
    collect(format, outline, storages, length)
}

/// The arrays of an archive in which there is nothing else.
fn npz<A: Take>(mut archive: Archive<impl Read + Seek>) -> Found<Checkpoint<A>> {
    let names: Vec<String> = archive.names().map(str::to_owned).collect();
    let mut arrays = BTreeMap::new();
    for name in names {
        let bytes = archive.read(&name)?;
        let key = name.trim_end_matches(npy::EXTENSION);
        let array = npy::view(&bytes)
            .and_then(|view| A::take(view, &mut Storages::<Cursor<&[u8]>>::None))
            .map_err(|fault| fault.of_array(key))?;
        arrays.insert(key.to_owned(), array);
    }
    Ok(Checkpoint {
        format: Format::Npz,
        family: Family::of(arrays.keys().map(String::as_str)),
        arrays,
        modules: BTreeMap::new(),
        values: BTreeMap::new(),
        metadata: Metadata::new(),
    })
}

/// Checks every array against its storage and all of them against the file's `length`, and takes them.
fn collect<'a, A: Take, R: Read + Seek>(
    format: Format,
    outline: Outline<'a>,
    mut storages: Storages<'a, R>,
    length: u64,
) -> Found<Checkpoint<A>> {
    let most = length.saturating_mul(4).saturating_add(1 << 20);
    let mut total: u64 = 0;
    for (key, view) in &outline.views {
        let size = storages
            .size(view.storage)
            .and_then(|available| view.check(available))
            .and_then(|()| view.size());
        total = total.saturating_add(size.map_err(|fault| fault.of_array(key))? as u64);
        if total > most {
            return Fault::too_large(format!("{total} bytes in arrays up to `{key}`"));
        }
    }
    let family = Family::of(outline.views.keys().map(String::as_str));
    let mut arrays = BTreeMap::new();
    for (key, view) in outline.views {
        let array = A::take(view, &mut storages).map_err(|fault| fault.of_array(&key))?;
        arrays.insert(key, array);
    }
    Ok(Checkpoint {
        format,
        family,
        arrays,
        modules: outline.modules,
        values: outline.values,
        metadata: Metadata::new(),
    })
}
