//! Arrays with a type, a shape and little-endian bytes.

use std::collections::BTreeMap;
use std::fmt;

use half::{bf16, f16};

use crate::{Error, Result};

/// Named arrays, in the order of their names.
pub type Arrays = BTreeMap<String, Array>;

/// The type of an array's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Dtype {
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F16,
    BF16,
    F32,
    F64,
}

impl Dtype {
    /// How many bytes an element takes.
    pub fn size(self) -> usize {
        match self {
            Dtype::Bool | Dtype::U8 | Dtype::I8 => 1,
            Dtype::U16 | Dtype::I16 | Dtype::F16 | Dtype::BF16 => 2,
            Dtype::U32 | Dtype::I32 | Dtype::F32 => 4,
            Dtype::U64 | Dtype::I64 | Dtype::F64 => 8,
        }
    }

    /// Whether the type is a floating-point one.
    pub fn is_float(self) -> bool {
        matches!(self, Dtype::F16 | Dtype::BF16 | Dtype::F32 | Dtype::F64)
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Dtype::Bool => "bool",
            Dtype::U8 => "u8",
            Dtype::I8 => "i8",
            Dtype::U16 => "u16",
            Dtype::I16 => "i16",
            Dtype::U32 => "u32",
            Dtype::I32 => "i32",
            Dtype::U64 => "u64",
            Dtype::I64 => "i64",
            Dtype::F16 => "f16",
            Dtype::BF16 => "bf16",
            Dtype::F32 => "f32",
            Dtype::F64 => "f64",
        })
    }
}

/// An array: row-major, little-endian.
///
/// The fields are open so that readers can hand over what they read; [`Array::new`] checks that they agree, and so
/// does every writer.
#[derive(Clone, PartialEq, Eq)]
pub struct Array {
    /// The type of the elements.
    pub dtype: Dtype,
    /// The length of each dimension; empty for a scalar.
    pub shape: Vec<usize>,
    /// The elements, row-major and little-endian.
    pub data: Vec<u8>,
}

impl fmt::Debug for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Array({} {:?})", self.dtype, self.shape)
    }
}

impl Array {
    /// An array from its parts, which must agree.
    pub fn new(dtype: Dtype, shape: Vec<usize>, data: Vec<u8>) -> Result<Self> {
        let array = Array { dtype, shape, data };
        array.check("")?;
        Ok(array)
    }

    /// An array of type [`Dtype::F32`].
    ///
    /// # Panics
    /// If the shape does not ask for as many values as there are.
    pub fn from_f32(shape: impl Into<Vec<usize>>, values: &[f32]) -> Self {
        Self::of(Dtype::F32, shape.into(), values, |value| {
            value.to_le_bytes()
        })
    }

    /// An array of type [`Dtype::I64`].
    ///
    /// # Panics
    /// If the shape does not ask for as many values as there are.
    pub fn from_i64(shape: impl Into<Vec<usize>>, values: &[i64]) -> Self {
        Self::of(Dtype::I64, shape.into(), values, |value| {
            value.to_le_bytes()
        })
    }

    /// How many elements the shape asks for.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether the array holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements as `f32`, rounded where they have to be.
    pub fn to_f32(&self) -> Vec<f32> {
        match self.dtype {
            Dtype::F32 => self.read(f32::from_le_bytes),
            Dtype::F16 => self.read(|bytes| f16::from_le_bytes(bytes).to_f32()),
            Dtype::BF16 => self.read(|bytes| bf16::from_le_bytes(bytes).to_f32()),
            Dtype::F64 => self.read(|bytes| f64::from_le_bytes(bytes) as f32),
            _ => self
                .integers()
                .into_iter()
                .map(|value| value as f32)
                .collect(),
        }
    }

    /// The elements as `i64`; fractions are cut off, and what does not fit becomes the nearest value that does.
    pub fn to_i64(&self) -> Vec<i64> {
        if self.dtype.is_float() {
            self.floats()
                .into_iter()
                .map(|value| value as i64)
                .collect()
        } else {
            self.integers()
                .into_iter()
                .map(|value| value.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
                .collect()
        }
    }

    /// The same array with elements of another type.
    ///
    /// Floats are rounded to the nearest; a float loses its fraction on the way to an integer, and an integer that
    /// does not fit becomes the nearest that does. Anything but zero is true.
    pub fn cast(&self, dtype: Dtype) -> Array {
        let shape = self.shape.clone();
        if dtype == self.dtype {
            return self.clone();
        }
        if self.dtype.is_float()
            && self.dtype != Dtype::F64
            && dtype != Dtype::F64
            && dtype.is_float()
        {
            // Between the short floats `f32` loses nothing, and is a good deal quicker.
            let values = self.to_f32();
            return match dtype {
                Dtype::F16 => Self::of(dtype, shape, &values, |v| f16::from_f32(v).to_le_bytes()),
                Dtype::BF16 => Self::of(dtype, shape, &values, |v| bf16::from_f32(v).to_le_bytes()),
                _ => Self::of(dtype, shape, &values, |v| v.to_le_bytes()),
            };
        }
        if dtype.is_float() || self.dtype.is_float() && dtype == Dtype::Bool {
            let values = self.floats();
            return match dtype {
                Dtype::F16 => Self::of(dtype, shape, &values, |v| f16::from_f64(v).to_le_bytes()),
                Dtype::BF16 => Self::of(dtype, shape, &values, |v| bf16::from_f64(v).to_le_bytes()),
                Dtype::F32 => Self::of(dtype, shape, &values, |v| (v as f32).to_le_bytes()),
                Dtype::F64 => Self::of(dtype, shape, &values, |v| v.to_le_bytes()),
                _ => Self::of(dtype, shape, &values, |v| [u8::from(v != 0.0)]),
            };
        }
        let values: Vec<i128> = if self.dtype.is_float() {
            self.floats()
                .into_iter()
                .map(|value| value as i128)
                .collect()
        } else {
            self.integers()
        };
        macro_rules! to {
            ($type:ty) => {
                Self::of(dtype, shape, &values, |v| {
                    (v.clamp(<$type>::MIN.into(), <$type>::MAX.into()) as $type).to_le_bytes()
                })
            };
        }
        match dtype {
            Dtype::Bool => Self::of(dtype, shape, &values, |v| [u8::from(v != 0)]),
            Dtype::U8 => to!(u8),
            Dtype::I8 => to!(i8),
            Dtype::U16 => to!(u16),
            Dtype::I16 => to!(i16),
            Dtype::U32 => to!(u32),
            Dtype::I32 => to!(i32),
            Dtype::U64 => to!(u64),
            _ => to!(i64),
        }
    }

    /// Checks that type, shape and bytes agree; `key` names the array in the error.
    pub(crate) fn check(&self, key: &str) -> Result<()> {
        let expected = self
            .shape
            .iter()
            .try_fold(self.dtype.size(), |total, &length| {
                total.checked_mul(length)
            });
        if expected == Some(self.data.len()) {
            return Ok(());
        }
        Err(Error::Length {
            key: key.to_owned(),
            dtype: self.dtype,
            shape: self.shape.clone(),
            expected: expected.map_or_else(|| "too many".to_owned(), |bytes| bytes.to_string()),
            found: self.data.len(),
        })
    }

    fn of<T: Copy, const N: usize>(
        dtype: Dtype,
        shape: Vec<usize>,
        values: &[T],
        bytes: impl Fn(T) -> [u8; N],
    ) -> Self {
        assert_eq!(
            shape.iter().product::<usize>(),
            values.len(),
            "shape {shape:?} does not fit {} values",
            values.len()
        );
        let mut data = vec![0; values.len() * N];
        for (to, &value) in data.chunks_exact_mut(N).zip(values) {
            to.copy_from_slice(&bytes(value));
        }
        Array { dtype, shape, data }
    }

    fn read<T, const N: usize>(&self, value: impl Fn([u8; N]) -> T) -> Vec<T> {
        self.data
            .as_chunks::<N>()
            .0
            .iter()
            .map(|&bytes| value(bytes))
            .collect()
    }

    fn floats(&self) -> Vec<f64> {
        match self.dtype {
            Dtype::F64 => self.read(f64::from_le_bytes),
            Dtype::F32 | Dtype::F16 | Dtype::BF16 => {
                self.to_f32().into_iter().map(f64::from).collect()
            }
            _ => self
                .integers()
                .into_iter()
                .map(|value| value as f64)
                .collect(),
        }
    }

    /// The elements of an integer or boolean array.
    fn integers(&self) -> Vec<i128> {
        match self.dtype {
            Dtype::Bool => self.read(|[byte]| i128::from(byte != 0)),
            Dtype::U8 => self.read(|bytes| u8::from_le_bytes(bytes).into()),
            Dtype::I8 => self.read(|bytes| i8::from_le_bytes(bytes).into()),
            Dtype::U16 => self.read(|bytes| u16::from_le_bytes(bytes).into()),
            Dtype::I16 => self.read(|bytes| i16::from_le_bytes(bytes).into()),
            Dtype::U32 => self.read(|bytes| u32::from_le_bytes(bytes).into()),
            Dtype::I32 => self.read(|bytes| i32::from_le_bytes(bytes).into()),
            Dtype::U64 => self.read(|bytes| u64::from_le_bytes(bytes).into()),
            Dtype::I64 => self.read(|bytes| i64::from_le_bytes(bytes).into()),
            Dtype::F16 | Dtype::BF16 | Dtype::F32 | Dtype::F64 => {
                unreachable!("floats are read by `floats`")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_must_agree() {
        assert!(Array::new(Dtype::F32, vec![2, 3], vec![0; 24]).is_ok());
        let error = Array::new(Dtype::F32, vec![2, 3], vec![0; 23])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("[2, 3]") && error.contains("24") && error.contains("23"),
            "{error}"
        );
        assert!(Array::new(Dtype::F64, vec![usize::MAX, 2], vec![]).is_err());
        assert!(Array::new(Dtype::U8, vec![], vec![7]).is_ok());
    }

    #[test]
    fn floats_are_rounded_to_the_nearest() {
        let array = Array::from_f32([3], &[1.0, -0.333_333_34, 70_000.0]);
        let half = array.cast(Dtype::F16);
        assert_eq!(half.data[..2], [0x00, 0x3c]);
        assert_eq!(half.to_f32(), [1.0, -0.333_251_95, f32::INFINITY]);
        assert_eq!(
            array.cast(Dtype::BF16).to_f32(),
            [1.0, -0.333_984_38, 70_144.0]
        );
        assert_eq!(array.cast(Dtype::F64).cast(Dtype::F32), array);
        assert_eq!(half.cast(Dtype::F32).cast(Dtype::F16), half);
    }

    #[test]
    fn integers_keep_their_value_or_saturate() {
        let array = Array::from_i64([4], &[0, -1, 300, (1 << 62) + 1]);
        assert_eq!(array.cast(Dtype::U8).to_i64(), [0, 0, 255, 255]);
        assert_eq!(array.cast(Dtype::I16).to_i64(), [0, -1, 300, 32_767]);
        assert_eq!(array.cast(Dtype::Bool).to_i64(), [0, 1, 1, 1]);
        assert_eq!(
            array.cast(Dtype::U64).cast(Dtype::I64).to_i64()[3],
            (1 << 62) + 1
        );
        assert_eq!(array.cast(Dtype::F32).to_i64()[..3], [0, -1, 300]);
        assert_eq!(
            Array::from_f32([2], &[0.5, -2.9]).cast(Dtype::I32).to_i64(),
            [0, -2]
        );
        assert_eq!(
            Array::from_f32([2], &[0.5, 0.0]).cast(Dtype::Bool).to_i64(),
            [1, 0]
        );
    }
}
