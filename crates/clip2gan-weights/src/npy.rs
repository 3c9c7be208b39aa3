//! NumPy's format of single arrays (`numpy.lib.format`): a line that describes the array, then its elements.

use crate::fault::{Fault, Found};
use crate::torch::numpy::{TYPES, dense};
use crate::torch::tensor::View;
use crate::{Array, Dtype};

/// How the names of arrays end in an archive of them.
pub(crate) const EXTENSION: &str = ".npy";
/// What every array begins with.
const MAGIC: &[u8] = b"\x93NUMPY";
/// The elements begin at a multiple of this.
const ALIGNMENT: usize = 64;
/// More dimensions than NumPy has.
const RANK: usize = 64;

/// The array as the bytes of an `.npy` file; what NumPy has no type for, as 32-bit floats.
pub fn to_bytes(array: &Array) -> Vec<u8> {
    let known = TYPES.iter().find(|(_, dtype)| *dtype == array.dtype);
    let Some((name, _)) = known else {
        return to_bytes(&array.cast(Dtype::F32));
    };
    let order = if array.dtype.size() == 1 { '|' } else { '<' };
    let shape: String = array.shape.iter().map(|n| format!("{n}, ")).collect();
    let mut header = format!(
        "{{'descr': '{order}{name}', 'fortran_order': False, 'shape': ({}), }}",
        shape.trim_end()
    );
    let start = MAGIC.len() + 4;
    let padded = (start + header.len() + 1).next_multiple_of(ALIGNMENT);
    header += &" ".repeat(padded - start - header.len() - 1);
    header.push('\n');
    let length = u16::try_from(header.len()).unwrap_or(u16::MAX);
    let parts = [
        MAGIC,
        &[1, 0],
        &length.to_le_bytes(),
        header.as_bytes(),
        &array.data,
    ];
    parts.concat()
}

/// The array in the bytes of an `.npy` file.
pub(crate) fn view(bytes: &[u8]) -> Found<View<'_>> {
    let Some((header, data)) = split(bytes) else {
        return Fault::invalid("it is no array of NumPy's, or cut off");
    };
    let Some((dtype, columns, shape)) = parse(header) else {
        let start: String = header.chars().take(100).collect();
        return Fault::refused(format!("NumPy's array {}", start.trim_end()));
    };
    let view = dense(dtype, shape, columns, data);
    view.check(data.len() as u64)?;
    if view.size()? != data.len() {
        return Fault::invalid(format!(
            "shape {:?} of {dtype:?} in {} bytes",
            view.shape,
            data.len()
        ));
    }
    Ok(view)
}

/// The description and the elements.
fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (version, rest) = rest.split_first_chunk::<2>()?;
    let (length, rest) = match version {
        [1, _] => {
            let (length, rest) = rest.split_first_chunk()?;
            (u32::from(u16::from_le_bytes(*length)), rest)
        }
        [2 | 3, _] => {
            let (length, rest) = rest.split_first_chunk()?;
            (u32::from_le_bytes(*length), rest)
        }
        _ => return None,
    };
    let (header, data) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    Some((std::str::from_utf8(header).ok()?, data))
}

/// Type, whether the first dimension lies together, and shape.
fn parse(header: &str) -> Option<(Dtype, bool, Vec<usize>)> {
    let field = |name: &str| Some(header.split_once(name)?.1.trim_start());
    let name = field("'descr':")?.strip_prefix('\'')?.split('\'').next()?;
    let name = name.strip_prefix(['<', '|', '='])?;
    let (_, dtype) = TYPES.iter().find(|(known, _)| *known == name)?;
    let columns = match field("'fortran_order':")? {
        text if text.starts_with("False") => false,
        text if text.starts_with("True") => true,
        _ => return None,
    };
    let shape = field("'shape':")?.strip_prefix('(')?.split(')').next()?;
    let lengths = shape.split(',').map(str::trim).filter(|n| !n.is_empty());
    let shape: Vec<usize> = lengths.map(|n| n.parse().ok()).collect::<Option<_>>()?;
    (shape.len() <= RANK).then_some((*dtype, columns, shape))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Found<Array> {
        let view = view(bytes)?;
        let data = view.gather(&bytes[bytes.len() - view.size()?..])?;
        Ok(Array {
            dtype: view.dtype,
            shape: view.shape,
            data,
        })
    }

    #[test]
    fn arrays_survive_the_way_out_and_back() {
        for array in [
            Array::from_f32([2, 3], &[1.0, -2.0, 3.5, 0.0, 1e9, -1e-9]),
            Array::from_f32([], &[7.0]),
            Array::from_i64([4], &[1, -1, i64::MAX, i64::MIN]),
            Array::from_f32([0, 5], &[]),
        ] {
            let bytes = to_bytes(&array);
            assert_eq!((bytes.len() - array.data.len()) % ALIGNMENT, 0);
            assert_eq!(read(&bytes).unwrap(), array);
        }
    }

    #[test]
    fn the_line_is_numpys() {
        let bytes = to_bytes(&Array::from_f32([2, 1], &[0.0, 0.0]));
        let line = b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1,), } ";
        assert!(bytes.starts_with(line), "{:?}", &bytes[..80]);
    }

    #[test]
    fn columns_become_rows() {
        let mut bytes = to_bytes(&Array::from_f32([2, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]));
        let text = String::from_utf8_lossy(&bytes[10..128]).replace("False", "True ");
        bytes.splice(10..128, text.bytes());
        assert_eq!(
            read(&bytes).unwrap().to_f32(),
            [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]
        );
    }

    #[test]
    fn what_is_wrong_is_refused() {
        let good = to_bytes(&Array::from_f32([2], &[0.0, 1.0]));
        for cut in [0, 5, 9, 40, good.len() - 1] {
            assert!(read(&good[..cut]).is_err(), "{cut}");
        }
        let changed = |from: &str, to: &str| {
            let text = String::from_utf8_lossy(&good[10..128]).replace(from, to);
            let bytes = [&good[..10], text.as_bytes(), &good[128..]].concat();
            read(&bytes)
        };
        for (from, to) in [
            ("<f4", ">f4"),
            ("<f4", "|O8"),
            ("(2,)", "(3,)"),
            ("(2,)", "(-1"),
            ("False", "Maybe"),
        ] {
            assert!(changed(from, to).is_err(), "{to}");
        }
    }
}
