//! Where the elements of tensors are.

use std::collections::HashMap;
use std::io::{Read, Seek};

use super::zip::Archive;
use crate::fault::{Fault, Found};

/// The elements of one storage: by key in the file around the pickle, or in the pickle itself.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Storage<'a> {
    Keyed(&'a str),
    Inline(&'a [u8]),
}

/// The storages of a file.
pub(crate) enum Storages<'a, R> {
    /// Entries `data/{key}` of an archive, below `folder`; `last` is the one read last.
    Archive {
        archive: &'a mut Archive<R>,
        folder: &'a str,
        last: Option<(String, Vec<u8>)>,
    },
    /// Parts of a stream.
    Stream(HashMap<&'a str, &'a [u8]>),
    /// None: all storages are inside the pickle.
    None,
}

impl<'a, R: Read + Seek> Storages<'a, R> {
    /// How many bytes a storage has.
    pub fn size(&self, storage: Storage<'a>) -> Found<u64> {
        let key = match storage {
            Storage::Inline(bytes) => return Ok(bytes.len() as u64),
            Storage::Keyed(key) => key,
        };
        let size = match self {
            Storages::Archive {
                archive, folder, ..
            } => archive.size(&entry(folder, key)),
            Storages::Stream(storages) => storages.get(key).map(|bytes| bytes.len() as u64),
            Storages::None => None,
        };
        size.map_or_else(|| missing(key), Ok)
    }

    /// The bytes of a storage.
    pub fn bytes(&mut self, storage: Storage<'a>) -> Found<&[u8]> {
        let key = match storage {
            Storage::Inline(bytes) => return Ok(bytes),
            Storage::Keyed(key) => key,
        };
        match self {
            Storages::Archive {
                archive,
                folder,
                last,
            } => {
                let name = entry(folder, key);
                if last.as_ref().is_none_or(|(read, _)| *read != name) {
                    // The old one goes first: there is never more than one in memory.
                    *last = None;
                    let bytes = archive.read(&name)?;
                    *last = Some((name, bytes));
                }
                match last {
                    Some((_, bytes)) => Ok(bytes),
                    None => missing(key),
                }
            }
            Storages::Stream(storages) => match storages.get(key) {
                Some(bytes) => Ok(bytes),
                None => missing(key),
            },
            Storages::None => missing(key),
        }
    }
}

fn entry(folder: &str, key: &str) -> String {
    format!("{folder}data/{key}")
}

fn missing<T>(key: &str) -> Found<T> {
    Fault::invalid(format!("its storage {key:?} is not in the file"))
}
