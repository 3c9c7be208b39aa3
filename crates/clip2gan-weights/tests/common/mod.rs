//! Fixtures, and pickles and archives put together by hand.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};

use clip2gan_weights::{Checkpoint, Error, parse_checkpoint};

/// A fixture's path.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/fixtures/stylegan2")
        .join(name)
}

/// A fixture's bytes.
pub fn bytes(name: &str) -> Vec<u8> {
    fs::read(fixture(name)).unwrap()
}

pub fn parse(bytes: &[u8]) -> Result<Checkpoint, Error> {
    parse_checkpoint(Path::new("some.pt"), bytes)
}

/// The message of the error that bytes must give.
pub fn refusal(bytes: &[u8]) -> String {
    parse(bytes).unwrap_err().to_string()
}

/// Instructions of a pickle, written by name.
#[derive(Clone, Default)]
pub struct Pickle(pub Vec<u8>);

impl Pickle {
    pub fn new() -> Self {
        Pickle(vec![0x80, 2])
    }

    pub fn op(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.0.extend_from_slice(bytes.as_ref());
        self
    }

    pub fn text(self, text: &str) -> Self {
        let length = (text.len() as u32).to_le_bytes();
        self.op("X").op(length).op(text)
    }

    pub fn int(self, value: i32) -> Self {
        self.op("J").op(value.to_le_bytes())
    }

    pub fn ints(self, values: &[i32]) -> Self {
        let inner = values.iter().fold(self.op("("), |it, &value| it.int(value));
        inner.op("t")
    }

    pub fn bytes(self, bytes: &[u8]) -> Self {
        let length = (bytes.len() as u32).to_le_bytes();
        self.op("B").op(length).op(bytes)
    }

    pub fn global(self, module: &str, name: &str) -> Self {
        self.op(format!("c{module}\n{name}\n"))
    }

    /// A reference to a storage of PyTorch's.
    pub fn storage(self, class: &str, key: &str, length: i32) -> Self {
        let inner = self.op("(").text("storage").global("torch", class);
        inner.text(key).text("cpu").int(length).op("tQ")
    }

    /// A tensor over a storage of `length` elements.
    pub fn tensor(
        self,
        class: &str,
        key: &str,
        length: i32,
        offset: i32,
        shape: &[i32],
        strides: &[i32],
    ) -> Self {
        let inner = self.global("torch._utils", "_rebuild_tensor_v2").op("(");
        let inner = inner.storage(class, key, length).int(offset);
        let inner = inner.ints(shape).ints(strides).op([0x89]);
        inner.global("collections", "OrderedDict").op(")RtR")
    }

    /// The end of the pickle, and its bytes.
    pub fn stop(self) -> Vec<u8> {
        self.op(".").0
    }
}

/// A dictionary of one entry.
pub fn single(key: &str, value: impl FnOnce(Pickle) -> Pickle) -> Vec<u8> {
    value(Pickle::new().op("}").text(key)).op("s").stop()
}

/// A zip archive of stored entries.
pub fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in entries {
        let start = file.len() as u32;
        let mut common = Vec::new();
        common.extend([0; 8]);
        common.extend(crc32fast::hash(bytes).to_le_bytes());
        common.extend((bytes.len() as u32).to_le_bytes());
        common.extend((bytes.len() as u32).to_le_bytes());
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        file.extend(b"PK\x03\x04\0\0");
        file.extend(&common);
        file.extend(name.as_bytes());
        file.extend(*bytes);
        directory.extend(b"PK\x01\x02\0\0\0\0");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(start.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let start = file.len() as u32;
    file.extend(&directory);
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend((entries.len() as u16).to_le_bytes());
    file.extend((entries.len() as u16).to_le_bytes());
    file.extend((directory.len() as u32).to_le_bytes());
    file.extend(start.to_le_bytes());
    file.extend([0, 0]);
    file
}

/// A legacy stream of one object and its storages.
pub fn stream(object: &[u8], storages: &[(&str, usize, &[u8])]) -> Vec<u8> {
    let magic = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
    let sizes = single("little_endian", |it| it.op([0x88]));
    let keys = storages
        .iter()
        .fold(Pickle::new().op("]"), |it, (key, ..)| it.text(key).op("a"))
        .stop();
    let version = Pickle::new().int(1001).stop();
    let mut stream = [&magic[..], &version, &sizes, object, &keys].concat();
    for (_, elements, bytes) in storages {
        stream.extend((*elements as i64).to_le_bytes());
        stream.extend(*bytes);
    }
    stream
}

/// The bytes of 32-bit floats.
pub fn floats(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}
