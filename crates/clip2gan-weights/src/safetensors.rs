//! The [safetensors](https://huggingface.co/docs/safetensors) format.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use safetensors::tensor::{Dtype as FileDtype, Metadata as FileHeader, SafeTensors, TensorInfo};
use serde::Serialize;

use crate::{Array, Arrays, Dtype, Error, Result, write_atomic};

/// Free text beside the arrays: names to values.
pub type Metadata = BTreeMap<String, String>;

/// The name under which the format keeps its metadata.
const METADATA: &str = "__metadata__";

/// Reads all arrays of a safetensors file, and its metadata (empty when it has none).
///
/// The header is checked first: that it is valid JSON, that offsets fit types and shapes and cover the file without
/// holes or overlaps.
pub fn read_safetensors(path: impl AsRef<Path>) -> Result<(Arrays, Metadata)> {
    let path = path.as_ref();
    let bytes = fs::read(path).map_err(Error::io("read", path))?;
    parse(path, &bytes)
}

/// As [`read_safetensors`], from the bytes of a file; `path` only names it in errors.
pub fn parse(path: &Path, bytes: &[u8]) -> Result<(Arrays, Metadata)> {
    let invalid = |reason| invalid(path, reason);
    let file = SafeTensors::deserialize(bytes).map_err(|error| invalid(error.to_string()))?;
    let (_, header) =
        SafeTensors::read_metadata(bytes).map_err(|error| invalid(error.to_string()))?;
    let metadata = header
        .metadata()
        .clone()
        .unwrap_or_default()
        .into_iter()
        .collect();
    let mut arrays = Arrays::new();
    let mut seen = HashSet::new();
    for (key, view) in file.iter() {
        if !seen.insert(key) {
            return Err(invalid(format!("array `{key}` is there twice")));
        }
        let dtype = from_file(view.dtype()).ok_or_else(|| Error::UnsupportedDtype {
            key: key.to_owned(),
            found: format!("{:?}", view.dtype()),
        })?;
        let array = Array {
            dtype,
            shape: view.shape().to_vec(),
            data: view.data().to_vec(),
        };
        array.check(key)?;
        arrays.insert(key.to_owned(), array);
    }
    Ok((arrays, metadata))
}

/// Types and shapes by name.
pub(crate) type Header = BTreeMap<String, (Dtype, Vec<usize>)>;

/// Reads only the header of a file of `length` bytes.
pub(crate) fn read_header(
    path: &Path,
    file: &mut (impl Read + Seek),
    length: u64,
) -> Result<(Header, Metadata)> {
    let mut read = |from: u64, size: u64| {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(from))?;
        file.by_ref().take(size).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let size = read(0, 8).map_err(Error::io("read", path))?;
    let size = size.first_chunk().copied().map_or(0, u64::from_le_bytes);
    let json = read(8, size.min(length)).map_err(Error::io("read", path))?;
    let header: FileHeader =
        serde_json::from_slice(&json).map_err(|error| invalid(path, error.to_string()))?;
    let expected = (header.data_len() as u64)
        .saturating_add(size)
        .saturating_add(8);
    if expected != length {
        return Err(invalid(
            path,
            format!("the header asks for {expected} bytes, but the file has {length}"),
        ));
    }
    let mut arrays = Header::new();
    for (key, info) in header.tensors() {
        let dtype = from_file(info.dtype).ok_or_else(|| Error::UnsupportedDtype {
            key: key.clone(),
            found: format!("{:?}", info.dtype),
        })?;
        arrays.insert(key, (dtype, info.shape.clone()));
    }
    let metadata = header.metadata().clone().unwrap_or_default();
    Ok((arrays, metadata.into_iter().collect()))
}

fn invalid(path: &Path, reason: String) -> Error {
    Error::Format {
        path: path.to_owned(),
        format: "safetensors",
        reason,
    }
}

/// Writes a safetensors file, wholly or not at all (see [`write_atomic`]).
///
/// The same arrays and metadata give the same bytes: names are sorted in the header.
pub fn write_safetensors(
    path: impl AsRef<Path>,
    arrays: &Arrays,
    metadata: &Metadata,
) -> Result<()> {
    write_atomic(path.as_ref(), &to_bytes(arrays, metadata)?)
}

/// The bytes that [`write_safetensors`] writes.
///
/// The header is written here and not by the crate `safetensors`, whose order of metadata changes from run to run.
pub fn to_bytes(arrays: &Arrays, metadata: &Metadata) -> Result<Vec<u8>> {
    #[derive(Serialize)]
    #[serde(untagged)]
    enum Entry<'a> {
        Metadata(&'a Metadata),
        Array(TensorInfo),
    }

    let mut header = BTreeMap::new();
    if !metadata.is_empty() {
        header.insert(METADATA, Entry::Metadata(metadata));
    }
    // Wide types come first, so that every array is aligned to its type.
    let mut ordered: Vec<(&String, &Array)> = arrays.iter().collect();
    ordered.sort_by_key(|(_, array)| std::cmp::Reverse(array.dtype.size()));
    let mut offset = 0;
    for (key, array) in &ordered {
        array.check(key)?;
        if *key == METADATA {
            return Err(Error::ReservedName {
                key: METADATA.to_owned(),
            });
        }
        let end = offset + array.data.len();
        let info = TensorInfo {
            dtype: to_file(array.dtype),
            shape: array.shape.clone(),
            data_offsets: (offset, end),
        };
        header.insert(key, Entry::Array(info));
        offset = end;
    }
    let mut json = serde_json::to_vec(&header).map_err(|error| Error::Format {
        path: Path::new("header").to_owned(),
        format: "safetensors",
        reason: error.to_string(),
    })?;
    json.resize(json.len().next_multiple_of(8), b' ');
    let mut bytes = Vec::with_capacity(8 + json.len() + offset);
    bytes.extend_from_slice(&(json.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&json);
    for (_, array) in ordered {
        bytes.extend_from_slice(&array.data);
    }
    Ok(bytes)
}

const TYPES: [(Dtype, FileDtype); 13] = [
    (Dtype::Bool, FileDtype::BOOL),
    (Dtype::U8, FileDtype::U8),
    (Dtype::I8, FileDtype::I8),
    (Dtype::U16, FileDtype::U16),
    (Dtype::I16, FileDtype::I16),
    (Dtype::U32, FileDtype::U32),
    (Dtype::I32, FileDtype::I32),
    (Dtype::U64, FileDtype::U64),
    (Dtype::I64, FileDtype::I64),
    (Dtype::F16, FileDtype::F16),
    (Dtype::BF16, FileDtype::BF16),
    (Dtype::F32, FileDtype::F32),
    (Dtype::F64, FileDtype::F64),
];

fn from_file(found: FileDtype) -> Option<Dtype> {
    TYPES
        .iter()
        .find(|(_, file)| *file == found)
        .map(|(dtype, _)| *dtype)
}

fn to_file(dtype: Dtype) -> FileDtype {
    match dtype {
        Dtype::Bool => FileDtype::BOOL,
        Dtype::U8 => FileDtype::U8,
        Dtype::I8 => FileDtype::I8,
        Dtype::U16 => FileDtype::U16,
        Dtype::I16 => FileDtype::I16,
        Dtype::U32 => FileDtype::U32,
        Dtype::I32 => FileDtype::I32,
        Dtype::U64 => FileDtype::U64,
        Dtype::I64 => FileDtype::I64,
        Dtype::F16 => FileDtype::F16,
        Dtype::BF16 => FileDtype::BF16,
        Dtype::F32 => FileDtype::F32,
        Dtype::F64 => FileDtype::F64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> (Arrays, Metadata) {
        let mut arrays = Arrays::new();
        let weight = Array::from_f32([2, 3], &[0.0, 1.0, -2.0, 3.5, f32::MIN_POSITIVE, -1e30]);
        for (_, file) in TYPES {
            let dtype = from_file(file).unwrap();
            arrays.insert(format!("as.{dtype}"), weight.cast(dtype));
        }
        arrays.insert("scalar".into(), Array::from_i64([], &[-7]));
        arrays.insert("empty".into(), Array::from_f32([0, 4], &[]));
        let metadata = ["z", "a", "m"]
            .map(|name| (name.to_owned(), format!("\"{name}\" é")))
            .into();
        (arrays, metadata)
    }

    #[test]
    fn what_is_written_is_read_again() {
        let (arrays, metadata) = some();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        write_safetensors(&path, &arrays, &metadata).unwrap();
        assert_eq!(
            read_safetensors(&path).unwrap(),
            (arrays.clone(), metadata.clone())
        );
        assert_eq!(
            fs::read(&path).unwrap(),
            to_bytes(&arrays, &metadata).unwrap()
        );
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "a temporary file was left"
        );
    }

    #[test]
    fn every_array_is_aligned_and_the_reference_reader_agrees() {
        let (arrays, metadata) = some();
        let bytes = to_bytes(&arrays, &metadata).unwrap();
        let (header, parsed) = SafeTensors::read_metadata(&bytes).unwrap();
        assert_eq!(header % 8, 0);
        for (key, info) in parsed.tensors() {
            assert_eq!(info.data_offsets.0 % arrays[&key].dtype.size(), 0, "{key}");
        }
        let file = SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(file.tensor("as.f32").unwrap().data(), arrays["as.f32"].data);
    }

    #[test]
    fn damage_is_an_error_and_never_a_panic() {
        let (arrays, metadata) = some();
        let bytes = to_bytes(&arrays, &metadata).unwrap();
        let path = Path::new("broken.safetensors");
        for length in 0..bytes.len() {
            let error = parse(path, &bytes[..length]).unwrap_err().to_string();
            assert!(error.contains("broken.safetensors"), "{error}");
        }
        // Any single flipped bit of the header gives an error or other arrays, but no panic.
        for place in 0..400 {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1 << (place % 8);
            let _ = parse(path, &damaged);
        }
        let huge = [&u64::MAX.to_le_bytes()[..], b"{}"].concat();
        assert!(parse(path, &huge).is_err());
    }

    #[test]
    fn errors_name_file_key_and_type() {
        let error = read_safetensors("no/such.safetensors")
            .unwrap_err()
            .to_string();
        assert!(error.contains("cannot read no/such.safetensors"), "{error}");

        let json = br#"{"a.scale":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}} "#;
        let bytes = [&(json.len() as u64).to_le_bytes()[..], json, &[0, 0]].concat();
        let error = parse(Path::new("f8"), &bytes).unwrap_err().to_string();
        assert!(
            error.contains("a.scale") && error.contains("F8_E4M3"),
            "{error}"
        );

        let wrong = Array {
            dtype: Dtype::F32,
            shape: vec![3],
            data: vec![0; 8],
        };
        let error = to_bytes(&Arrays::from([("w".to_owned(), wrong)]), &Metadata::new())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("`w`") && error.contains("12") && error.contains('8'),
            "{error}"
        );

        let reserved = Arrays::from([(METADATA.to_owned(), Array::from_f32([1], &[0.0]))]);
        assert!(to_bytes(&reserved, &Metadata::new()).is_err());
    }

    #[test]
    fn a_failed_write_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("inside"), "x").unwrap();
        let (arrays, metadata) = some();
        assert!(write_safetensors(&path, &arrays, &metadata).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
