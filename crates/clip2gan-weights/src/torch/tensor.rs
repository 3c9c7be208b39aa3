//! Tensors: a shape and strides over a storage.

use std::collections::HashMap;

use super::legacy;
use super::storage::Storage;
use crate::Dtype;
use crate::fault::{Fault, Found};
use crate::pickle::{Kind, Object, Pickle, Value};

/// PyTorch's own limit.
const DIMENSIONS: usize = 64;

/// A tensor whose elements were not read yet. Offset and strides count elements.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub dtype: Dtype,
    pub storage: Storage<'a>,
    pub offset: usize,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
}

impl View<'_> {
    /// How many bytes the tensor takes when it is laid out row by row.
    pub fn size(&self) -> Found<usize> {
        let size = self
            .shape
            .iter()
            .try_fold(self.dtype.size(), |total, &length| {
                total.checked_mul(length)
            });
        size.map_or_else(
            || Fault::too_large(format!("an array of shape {:?}", self.shape)),
            Ok,
        )
    }

    /// Checks that the tensor lies within a storage of `available` bytes.
    pub fn check(&self, available: u64) -> Found<()> {
        if self.size()? == 0 {
            return Ok(());
        }
        let last = self
            .shape
            .iter()
            .zip(&self.strides)
            .try_fold(self.offset, |last, (length, stride)| {
                last.checked_add((length - 1).checked_mul(*stride)?)
            });
        let needed = last
            .and_then(|last| last.checked_add(1)?.checked_mul(self.dtype.size()))
            .map(|needed| needed as u64);
        if needed.is_some_and(|needed| needed <= available) {
            return Ok(());
        }
        Fault::invalid(format!(
            "type {}, shape {:?}, strides {:?} and offset {} need a storage of {} bytes, but it has {available}",
            self.dtype,
            self.shape,
            self.strides,
            self.offset,
            needed.map_or_else(|| "too many".to_owned(), |needed| needed.to_string()),
        ))
    }

    /// The elements row by row; `storage` must have passed [`View::check`].
    pub fn gather(&self, storage: &[u8]) -> Found<Vec<u8>> {
        self.check(storage.len() as u64)?;
        let (size, width) = (self.size()?, self.dtype.size());
        let mut data = Vec::with_capacity(size);
        if size == 0 {
            return Ok(data);
        }
        // The trailing dimensions that lie row by row are copied at once.
        let mut run = 1;
        let mut outer = self.shape.len();
        while outer > 0 && (self.strides[outer - 1] == run || self.shape[outer - 1] == 1) {
            outer -= 1;
            run *= self.shape[outer];
        }
        let mut index = vec![0; outer];
        let mut at = self.offset;
        while data.len() < size {
            data.extend_from_slice(&storage[at * width..(at + run) * width]);
            for dimension in (0..outer).rev() {
                index[dimension] += 1;
                // The stride of a dimension of length 1 may be anything; what it adds is taken away again.
                at = at.wrapping_add(self.strides[dimension]);
                if index[dimension] < self.shape[dimension] {
                    break;
                }
                at = at.wrapping_sub(self.strides[dimension].wrapping_mul(self.shape[dimension]));
                index[dimension] = 0;
            }
        }
        Ok(data)
    }
}

/// What `("storage", class, key, device, length)` refers to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reference<'a> {
    /// The type of the elements; none for a storage of bytes.
    pub dtype: Option<Dtype>,
    pub key: &'a str,
    /// Where the storage begins in the one of that key, in elements: old streams have storages within storages.
    pub offset: usize,
}

impl Reference<'_> {
    pub fn element_size(&self) -> usize {
        self.dtype.map_or(1, Dtype::size)
    }
}

/// Reads the tuple by which a pickle refers to a storage.
pub(crate) fn storage_reference<'a>(pickle: &Pickle<'a>, tuple: Value<'a>) -> Found<Reference<'a>> {
    let Some(
        [
            Value::Text("storage"),
            class,
            key,
            _device,
            _length,
            rest @ ..,
        ],
    ) = pickle.items(tuple)
    else {
        return Fault::refused("a reference to something that is no storage");
    };
    let dtype = match pickle.object(*class) {
        Some(Object::Class(class)) => match class.kind {
            Kind::Storage(dtype) => Some(dtype),
            Kind::UntypedStorage => None,
            _ => return Fault::refused(format!("{}.{} as a storage", class.module, class.name)),
        },
        _ => return Fault::refused("a storage without a class"),
    };
    let Value::Text(key) = *key else {
        return Fault::invalid(format!("a storage is named by {}", key.kind()));
    };
    let offset = match rest.first().map(|&view| pickle.items(view)) {
        Some(Some([_, offset, ..])) => offset.size(),
        _ => Some(0),
    };
    match offset {
        Some(offset) => Ok(Reference { dtype, key, offset }),
        None => Fault::invalid("a storage begins before another"),
    }
}

/// Reads tensors out of pickles, and remembers the storages that are pickled inside.
#[derive(Default)]
pub(crate) struct Tensors<'a> {
    /// By the address of the bytes they are in.
    inner: HashMap<usize, (Option<Dtype>, &'a [u8])>,
}

impl<'a> Tensors<'a> {
    /// The tensor that a value is, if it is one.
    pub fn view(&mut self, pickle: &Pickle<'a>, mut value: Value<'a>) -> Found<Option<View<'a>>> {
        // A parameter is a tensor; a parameter of a parameter of … is nobody's.
        for depth in 0..4 {
            let none = || match depth {
                0 => Ok(None),
                _ => Fault::invalid("a parameter that is no tensor"),
            };
            let Some((class, arguments)) = pickle.call(value) else {
                return none();
            };
            match (class.kind, arguments) {
                (Kind::Parameter, [tensor, ..]) => value = *tensor,
                (Kind::Tensor, [storage, offset, shape, strides, ..]) => {
                    return self
                        .rebuild(pickle, *storage, [*offset, *shape, *strides], None)
                        .map(Some);
                }
                (
                    Kind::TypedTensor,
                    [storage, offset, shape, strides, _grad, _hooks, dtype, ..],
                ) => {
                    return self
                        .rebuild(pickle, *storage, [*offset, *shape, *strides], Some(*dtype))
                        .map(Some);
                }
                (Kind::NumpyArray, _) => return super::numpy::array(pickle, value).map(Some),
                (Kind::Parameter | Kind::Tensor | Kind::TypedTensor, _) => {
                    return Fault::invalid(format!(
                        "{} has only {} arguments",
                        class.name,
                        arguments.len()
                    ));
                }
                _ => return none(),
            }
        }
        Fault::refused("a parameter nested in parameters")
    }

    fn rebuild(
        &mut self,
        pickle: &Pickle<'a>,
        storage: Value<'a>,
        [offset, shape, strides]: [Value<'a>; 3],
        dtype: Option<Value<'a>>,
    ) -> Found<View<'a>> {
        let (stored, storage, start) = match pickle.object(storage) {
            Some(Object::Persistent(tuple)) => {
                let reference = storage_reference(pickle, *tuple)?;
                (
                    reference.dtype,
                    Storage::Keyed(reference.key),
                    reference.offset,
                )
            }
            _ => match pickle.call(storage) {
                Some((class, [Value::Bytes(bytes)])) if class.kind == Kind::LoadFromBytes => {
                    let (dtype, bytes) = self.inner(bytes)?;
                    (dtype, Storage::Inline(bytes), 0)
                }
                _ => return Fault::refused("a tensor over something that is no storage"),
            },
        };
        let named = dtype.and_then(|dtype| pickle.object(dtype));
        let dtype = match named {
            Some(Object::Class(class)) => match class.kind {
                Kind::Dtype(dtype) => Some(dtype),
                _ => None,
            },
            _ => stored,
        };
        let Some(dtype) = dtype else {
            return Fault::invalid("a tensor has no type of elements");
        };
        let (shape, strides) = (sizes(pickle, shape)?, sizes(pickle, strides)?);
        if shape.len() != strides.len() || shape.len() > DIMENSIONS {
            return Fault::invalid(format!(
                "a tensor has {} dimensions and {} strides",
                shape.len(),
                strides.len()
            ));
        }
        match offset.size().and_then(|offset| offset.checked_add(start)) {
            Some(offset) => Ok(View {
                dtype,
                storage,
                offset,
                shape,
                strides,
            }),
            None => Fault::invalid(format!("a tensor has offset {offset:?}")),
        }
    }

    /// The storage that is saved as a stream of its own inside a pickle.
    fn inner(&mut self, bytes: &'a [u8]) -> Found<(Option<Dtype>, &'a [u8])> {
        let address = bytes.as_ptr() as usize;
        if let Some(found) = self.inner.get(&address) {
            return Ok(*found);
        }
        let stream = legacy::parse(bytes)?;
        let Some(Object::Persistent(tuple)) = stream.pickle.object(stream.pickle.root) else {
            return Fault::refused("an inner stream that is no storage");
        };
        let reference = storage_reference(&stream.pickle, *tuple)?;
        let skipped = reference.offset.checked_mul(reference.element_size());
        let found = stream
            .storages
            .get(reference.key)
            .and_then(|bytes| bytes.get(skipped?..));
        match found {
            Some(found) => {
                self.inner.insert(address, (reference.dtype, found));
                Ok((reference.dtype, found))
            }
            None => Fault::invalid("an inner stream lacks its own storage"),
        }
    }
}

/// A tuple of lengths.
pub(crate) fn sizes<'a>(pickle: &Pickle<'a>, tuple: Value<'a>) -> Found<Vec<usize>> {
    let Some(items) = pickle.items(tuple) else {
        return Fault::invalid(format!("a shape is {} and no tuple", tuple.kind()));
    };
    if items.len() > DIMENSIONS {
        return Fault::invalid(format!("a shape has {} dimensions", items.len()));
    }
    let sizes = items.iter().map(|item| item.size()).collect();
    match sizes {
        Some(sizes) => Ok(sizes),
        None => Fault::invalid("a shape has a length that is negative or no integer"),
    }
}
