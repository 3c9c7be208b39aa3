//! Streams of `torch.save` before PyTorch 1.6: five pickles, then the storages.
//!
//! The pickles are a magic number, a version, sizes of C types, the object, and the keys of the storages in their order.
//! Each storage is its number of elements as 64 bits, and the elements.

use std::collections::HashMap;

use super::tensor::storage_reference;
use crate::fault::{Fault, Found};
use crate::pickle::{self, Pickle, Value};

/// The magic number 0x1950a86a20f9469cfc6c.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const VERSION: Value<'_> = Value::Int(1001);

/// A stream that was read.
pub(crate) struct Stream<'a> {
    pub pickle: Pickle<'a>,
    /// The bytes of each storage, by its key.
    pub storages: HashMap<&'a str, &'a [u8]>,
}

/// Whether a pickle is the first of a stream.
pub(crate) fn is_magic(pickle: &Pickle<'_>) -> bool {
    pickle.root == Value::Long(&MAGIC)
}

/// Reads a stream; the elements stay where they are.
pub(crate) fn parse(bytes: &[u8]) -> Found<Stream<'_>> {
    let mut rest = bytes;
    let mut next = || -> Found<Pickle<'_>> {
        let pickle = pickle::load(rest)?;
        rest = &rest[pickle.length..];
        Ok(pickle)
    };
    if !is_magic(&next()?) {
        return Fault::invalid("the stream does not begin with PyTorch's magic number");
    }
    let version = next()?.root;
    if version != VERSION {
        return Fault::invalid(format!(
            "the stream should be of version {VERSION:?}, but is of {version:?}"
        ));
    }
    let sizes = next()?;
    if sizes.get(sizes.root, "little_endian") != Some(Value::Bool(true)) {
        return Fault::invalid("the stream is not little-endian");
    }
    let pickle = next()?;
    let keys = next()?;

    let mut types = HashMap::new();
    for object in &pickle.objects {
        if let pickle::Object::Persistent(tuple) = object {
            let reference = storage_reference(&pickle, *tuple)?;
            types.insert(reference.key, reference.element_size());
        }
    }
    let Some(keys) = keys.items(keys.root) else {
        return Fault::invalid("the stream has no list of storages");
    };
    let mut storages = HashMap::new();
    for key in keys {
        let Value::Text(key) = *key else {
            return Fault::invalid(format!("a storage is named by {}", key.kind()));
        };
        let Some(&size) = types.get(key) else {
            return Fault::invalid(format!("no tensor uses storage {key}"));
        };
        let storage = rest.split_first_chunk().and_then(|(count, after)| {
            let count = usize::try_from(i64::from_le_bytes(*count)).ok()?;
            after.split_at_checked(count.checked_mul(size)?)
        });
        let Some((storage, after)) = storage else {
            return Fault::invalid(format!(
                "storage {key} is cut off: {} bytes are left for its length and elements of {size} bytes",
                rest.len()
            ));
        };
        rest = after;
        if storages.insert(key, storage).is_some() {
            return Fault::invalid(format!("storage {key} is there twice"));
        }
    }
    Ok(Stream { pickle, storages })
}
