//! Arrays under other names: the same whether they were read or only described.

use std::collections::BTreeMap;

use clip2gan_weights::Array;
use clip2gan_weights::checkpoint::ArrayInfo;

use crate::layers::RESAMPLE_FILTER;
use crate::{Error, Result};

/// An array of a checkpoint, read or only described.
pub trait Part: Sized {
    /// The length of each dimension.
    fn shape(&self) -> &[usize];
    /// The same elements in another shape of as many.
    #[must_use]
    fn reshaped(self, shape: Vec<usize>) -> Self;
    /// Every element times `factor`.
    #[must_use]
    fn scaled(self, factor: f32) -> Self;
    /// The elements, if they were read.
    fn values(&self) -> Option<Vec<f32>>;
}

impl Part for Array {
    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn reshaped(self, shape: Vec<usize>) -> Self {
        Self { shape, ..self }
    }

    fn scaled(self, factor: f32) -> Self {
        let values: Vec<f32> = self.to_f32().iter().map(|value| value * factor).collect();
        Array::from_f32(self.shape, &values)
    }

    fn values(&self) -> Option<Vec<f32>> {
        Some(self.to_f32())
    }
}

impl Part for ArrayInfo {
    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn reshaped(self, shape: Vec<usize>) -> Self {
        Self { shape, ..self }
    }

    fn scaled(self, _: f32) -> Self {
        self
    }

    fn values(&self) -> Option<Vec<f32>> {
        None
    }
}

/// Names every array anew. Resampling filters, whose names end in `filter`, are checked and left out: they must be ours
/// times `1` or, where they double a size, `4`.
///
/// # Errors
/// [`Error::Key`] for a name that `our_key` does not know, or another filter.
pub(super) fn rename<P: Part>(
    arrays: BTreeMap<String, P>,
    filter: &str,
    our_key: impl Fn(&str) -> Option<String>,
) -> Result<BTreeMap<String, P>> {
    let mut renamed = BTreeMap::new();
    for (key, part) in arrays {
        if key.ends_with(filter) {
            check_filter(&key, &part)?;
            continue;
        }
        let Some(our_key) = our_key(&key) else {
            return Err(Error::Key {
                key,
                expected: "a key of a StyleGAN2 network".into(),
                found: "this".into(),
            });
        };
        let shape = our_shape(&our_key, part.shape());
        renamed.insert(our_key, part.reshaped(shape));
    }
    Ok(renamed)
}

/// The shape without the dimensions of length 1 that others write at its beginning and end.
fn our_shape(our_key: &str, shape: &[usize]) -> Vec<usize> {
    let rank = match our_key.rsplit('.').next() {
        Some("constant") => 3,
        Some("noise_const") => 2,
        Some("weight") => return shape.iter().copied().skip(shape.len() / 5).collect(),
        _ => 1,
    };
    let mut shape = shape.to_vec();
    while shape.len() > rank && shape[0] == 1 {
        shape.remove(0);
    }
    while shape.len() > rank && shape.last() == Some(&1) {
        shape.pop();
    }
    if shape.is_empty() {
        shape.push(1);
    }
    shape
}

fn check_filter(key: &str, part: &impl Part) -> Result<()> {
    let ours = |gain: f32| {
        RESAMPLE_FILTER
            .iter()
            .flat_map(move |y| RESAMPLE_FILTER.map(|x| x * y * gain))
    };
    let close = |found: &[f32], gain| {
        let mut pairs = found.iter().zip(ours(gain));
        pairs.all(|(a, b)| (a - b).abs() < 1e-6)
    };
    let found = part.values();
    let same = part.shape() == [4, 4]
        && found
            .as_ref()
            .is_none_or(|found| close(found, 1.0) || close(found, 4.0));
    if same {
        return Ok(());
    }
    Err(Error::Key {
        key: key.into(),
        expected: "the resampling filter [1, 3, 3, 1]".into(),
        found: format!("{found:?} of shape {:?}", part.shape()),
    })
}
