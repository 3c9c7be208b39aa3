//! NumPy's arrays and numbers, which some checkpoints hold beside tensors.

use super::storage::Storage;
use super::tensor::{View, sizes};
use crate::Dtype;
use crate::fault::{Fault, Found};
use crate::pickle::{Kind, Pickle, Value};

/// NumPy's names of types.
pub(crate) const TYPES: [(&str, Dtype); 12] = [
    ("b1", Dtype::Bool),
    ("u1", Dtype::U8),
    ("i1", Dtype::I8),
    ("u2", Dtype::U16),
    ("i2", Dtype::I16),
    ("u4", Dtype::U32),
    ("i4", Dtype::I32),
    ("u8", Dtype::U64),
    ("i8", Dtype::I64),
    ("f2", Dtype::F16),
    ("f4", Dtype::F32),
    ("f8", Dtype::F64),
];

/// The array whose state is `(version, shape, type, whether columns come first, bytes)`.
pub(crate) fn array<'a>(pickle: &Pickle<'a>, value: Value<'a>) -> Found<View<'a>> {
    let state = pickle.state(value).and_then(|state| pickle.items(state));
    let Some([_version, shape, dtype, columns, Value::Bytes(bytes)]) = state else {
        return Fault::refused("a NumPy array without plain bytes");
    };
    let (dtype, shape) = (dtype_of(pickle, *dtype)?, sizes(pickle, *shape)?);
    let columns = *columns == Value::Bool(true);
    Ok(dense(dtype, shape, columns, bytes))
}

/// An array that lies in `bytes` without gaps, its last dimension together or, with `columns`, its first.
pub(crate) fn dense(dtype: Dtype, shape: Vec<usize>, columns: bool, bytes: &[u8]) -> View<'_> {
    let mut strides = vec![0; shape.len()];
    let mut stride: usize = 1;
    let mut lay = |at: usize| {
        strides[at] = stride;
        stride = stride.saturating_mul(shape[at]);
    };
    if columns {
        (0..shape.len()).for_each(&mut lay);
    } else {
        (0..shape.len()).rev().for_each(&mut lay);
    }
    View {
        dtype,
        storage: Storage::Inline(bytes),
        offset: 0,
        shape,
        strides,
    }
}

/// The type and the bytes of a number of NumPy's, if a value is one.
pub(crate) fn scalar<'a>(pickle: &Pickle<'a>, value: Value<'a>) -> Option<(Dtype, Vec<u8>)> {
    let (class, [dtype, bytes]) = pickle.call(value)? else {
        return None;
    };
    if class.kind != Kind::NumpyScalar {
        return None;
    }
    let dtype = dtype_of(pickle, *dtype).ok()?;
    let bytes = match *bytes {
        Value::Bytes(bytes) if bytes.len() == dtype.size() => bytes.to_vec(),
        Value::Text(text) if text.len() == dtype.size() => text.as_bytes().to_vec(),
        encoded => match pickle.call(encoded)? {
            (class, [Value::Text(text), ..])
                if class.kind == Kind::Encode && text.len() <= 2 * dtype.size() =>
            {
                text.chars()
                    .map(u8::try_from)
                    .collect::<Result<_, _>>()
                    .ok()?
            }
            _ => return None,
        },
    };
    (bytes.len() == dtype.size()).then_some((dtype, bytes))
}

fn dtype_of<'a>(pickle: &Pickle<'a>, value: Value<'a>) -> Found<Dtype> {
    let Some((class, [Value::Text(name), ..])) = pickle.call(value) else {
        return Fault::invalid("a NumPy value has no type");
    };
    let known = TYPES.iter().find(|(known, _)| known == name);
    let (Kind::NumpyDtype, Some((_, dtype))) = (class.kind, known) else {
        return Fault::refused(format!("NumPy's type {}", name.get(..8).unwrap_or(name)));
    };
    let state = pickle.state(value).and_then(|state| pickle.items(state));
    match state {
        Some([_version, Value::Text(">"), ..]) => Fault::refused("a big-endian NumPy value"),
        _ => Ok(*dtype),
    }
}
