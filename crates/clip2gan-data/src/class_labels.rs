//! Class labels of a folder's pictures, for class-conditional networks.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::{Error, ImageFolder};

/// The file of a folder that holds labels, as NVlabs' tools write it.
const DATASET: &str = "dataset.json";

/// A label for each picture of a folder: vectors of one length.
///
/// They come from the folder's `dataset.json`, `{"labels": [["00000/img.png", 3], …]}` with classes from 0 or vectors in
/// the place of 3, or else from the folder's own sub-folders, each of which is a class, in the order of their names.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassLabels {
    c_dim: usize,
    values: Values,
}

#[derive(Debug, Clone, PartialEq)]
enum Values {
    /// A class for each picture.
    Classes(Vec<usize>),
    /// `c_dim` numbers for each picture.
    Vectors(Vec<f32>),
}

/// What is read of `dataset.json`; there may be more in it.
#[derive(Deserialize)]
struct DatasetFile {
    labels: Option<Vec<(String, Value)>>,
}

/// A label of `dataset.json`.
enum Label {
    Class(usize),
    Vector(Vec<f32>),
}

impl ClassLabels {
    /// The labels of `folder`, of length `c_dim` (as many classes, or numbers).
    ///
    /// # Errors
    /// [`Error::ClassLabels`] naming the file or folder, and the picture, if a picture has no label, a label no picture, or
    /// a label is not one of `c_dim` classes or a vector of this length; [`Error::Io`] if `dataset.json` cannot be read;
    /// [`Error::Config`] if `c_dim` is 0.
    pub fn of_folder(folder: &ImageFolder, c_dim: usize) -> Result<Self, Error> {
        if c_dim == 0 {
            return Err(Error::Config {
                name: "c_dim",
                expected: "at least 1",
                found: "0".into(),
            });
        }
        let path = folder.root().join(DATASET);
        let values = match path.is_file() {
            true => of_file(&path, &folder.names(), c_dim),
            false => of_subfolders(folder, c_dim),
        }?;
        Ok(Self { c_dim, values })
    }

    /// Length of each label.
    pub fn c_dim(&self) -> usize {
        self.c_dim
    }

    /// Whether the labels are classes, that is one-hot.
    pub fn are_classes(&self) -> bool {
        matches!(self.values, Values::Classes(_))
    }

    /// `[indices, c_dim]`: the labels of the pictures at `indices`, row by row.
    ///
    /// # Panics
    /// If there is no picture at an index.
    pub fn rows(&self, indices: &[usize]) -> Vec<f32> {
        let mut rows = vec![0.0; indices.len() * self.c_dim];
        for (row, &index) in rows.chunks_exact_mut(self.c_dim).zip(indices) {
            match &self.values {
                Values::Classes(classes) => row[classes[index]] = 1.0,
                Values::Vectors(values) => {
                    row.copy_from_slice(&values[index * self.c_dim..][..self.c_dim]);
                }
            }
        }
        rows
    }
}

/// The labels that `dataset.json` has for the pictures called `names`.
fn of_file(path: &Path, names: &[String], c_dim: usize) -> Result<Values, Error> {
    let wrong = |message: String| Error::ClassLabels {
        path: path.to_path_buf(),
        message,
    };
    let file = File::open(path).map_err(|e| Error::io(path, e))?;
    let file: DatasetFile =
        serde_json::from_reader(BufReader::new(file)).map_err(|e| wrong(e.to_string()))?;
    let labels = file
        .labels
        .ok_or_else(|| wrong("expected labels, found null".into()))?;
    let count = labels.len();
    let mut by_name = HashMap::with_capacity(count);
    for (name, label) in labels {
        if by_name.insert(name.clone(), label).is_some() {
            return Err(wrong(format!(
                "expected one label for each picture, found two for {name:?}"
            )));
        }
    }

    let mut of = |name: &String| {
        let label = by_name
            .remove(name)
            .ok_or_else(|| wrong(format!("picture {name:?} has no label")))?;
        read_label(&label, c_dim).map_err(|expected| {
            wrong(format!(
                "label of {name:?}: expected {expected}, found {label}"
            ))
        })
    };
    let (mut classes, mut vectors) = (Vec::new(), Vec::new());
    for name in names {
        match of(name)? {
            Label::Class(class) => classes.push(class),
            Label::Vector(vector) => vectors.extend(vector),
        }
        if !classes.is_empty() && !vectors.is_empty() {
            return Err(wrong(format!(
                "label of {name:?}: expected classes only or vectors only, found both"
            )));
        }
    }
    if let Some(name) = by_name.keys().min() {
        return Err(wrong(format!(
            "expected labels for {} pictures, found {count}: there is no picture {name:?}",
            names.len()
        )));
    }
    Ok(match vectors.is_empty() {
        true => Values::Classes(classes),
        false => Values::Vectors(vectors),
    })
}

/// A label, or what was expected.
fn read_label(label: &Value, c_dim: usize) -> Result<Label, String> {
    let class = || format!("a class from 0 to {}", c_dim - 1);
    let vector = || format!("{c_dim} finite numbers");
    match label {
        Value::Number(number) => number
            .as_u64()
            .and_then(|class| usize::try_from(class).ok())
            .filter(|class| *class < c_dim)
            .map(Label::Class)
            .ok_or_else(class),
        Value::Array(values) => values
            .iter()
            .map(|value| {
                let value = value.as_f64()? as f32;
                value.is_finite().then_some(value)
            })
            .collect::<Option<Vec<f32>>>()
            .filter(|values| values.len() == c_dim)
            .map(Label::Vector)
            .ok_or_else(vector),
        _ => Err(format!("{} or {}", class(), vector())),
    }
}

/// The place of each picture's sub-folder among the sub-folders that hold pictures.
fn of_subfolders(folder: &ImageFolder, c_dim: usize) -> Result<Values, Error> {
    let wrong = |message: String| Error::ClassLabels {
        path: folder.root().to_path_buf(),
        message,
    };
    let names = folder.names();
    let class_of = |name: &String| match name.split_once('/') {
        Some((class, _)) => Ok(class.to_owned()),
        None => Err(wrong(format!(
            "picture {name:?} has no label; expected {DATASET}, or a sub-folder for each class"
        ))),
    };
    let of_pictures: Vec<String> = names.iter().map(class_of).collect::<Result<_, _>>()?;
    let mut classes = of_pictures.clone();
    classes.sort_unstable();
    classes.dedup();
    if classes.len() != c_dim {
        return Err(wrong(format!(
            "expected {c_dim} classes (c_dim), found {} sub-folders with pictures",
            classes.len()
        )));
    }
    let place = |class: &String| classes.binary_search(class).unwrap_or_default();
    Ok(Values::Classes(of_pictures.iter().map(place).collect()))
}
