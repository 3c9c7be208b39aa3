//! Checkpoints: several named groups of arrays and a JSON state in one folder that is there wholly or not at all.
//!
//! ```text
//! checkpoints/
//!   step-000012000/
//!     generator.safetensors   one file per group
//!     generator_adam.safetensors
//!     checkpoint.json         step, state, and the size of each group's file; written last
//! ```
//!
//! The folder is written under a temporary name, synced, and renamed. A folder that was cut short all the same, say by
//! a copy that broke off, is passed over when the latest is looked for.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clip2gan_weights::file::sync_folder;
use clip2gan_weights::{
    Arrays, Error as WeightsError, Metadata, read_safetensors, write_safetensors,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, Result};

const PREFIX: &str = "step-";
const TEMPORARY: &str = ".writing-";
const OLD: &str = ".old-";
const MANIFEST: &str = "checkpoint.json";

/// A run's whole state after some step.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// How many steps are done.
    pub step: u64,
    /// The arrays, in groups: weights, optimizer states, running means.
    pub groups: BTreeMap<String, Arrays>,
    /// Everything else.
    pub state: Value,
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    step: u64,
    /// Each group's file size in bytes.
    groups: BTreeMap<String, u64>,
    state: Value,
}

impl Checkpoint {
    /// A checkpoint without groups or state.
    pub fn new(step: u64) -> Self {
        Checkpoint {
            step,
            groups: BTreeMap::new(),
            state: Value::Null,
        }
    }

    /// Adds a group. Its name becomes a file name: letters, digits, `_` and `-`.
    pub fn with_group(mut self, name: &str, arrays: Arrays) -> Self {
        self.groups.insert(name.to_owned(), arrays);
        self
    }

    /// Sets the state.
    pub fn with_state(mut self, state: &impl Serialize) -> Result<Self> {
        // By way of text, as it will be read from the file: `f32` has fewer digits there than as a JSON value.
        self.state = serde_json::to_string(state)
            .and_then(|text| serde_json::from_str(&text))
            .map_err(convert("the state of a checkpoint"))?;
        Ok(self)
    }

    /// Takes a group out.
    pub fn take_group(&mut self, name: &str) -> Result<Arrays> {
        self.groups.remove(name).ok_or_else(|| Error::MissingGroup {
            step: self.step,
            group: name.to_owned(),
            found: self.groups.keys().cloned().collect(),
        })
    }

    /// The state, as the type that was given to [`Checkpoint::with_state`].
    pub fn state<T: DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(&self.state).map_err(convert("the state of a checkpoint"))
    }
}

/// Writes a checkpoint into a folder of checkpoints, and removes all but the last `keep` (at least one).
///
/// Returns the checkpoint's own folder. Only one process may write to a folder of checkpoints at a time.
pub fn save(folder: &Path, checkpoint: &Checkpoint, keep: usize) -> Result<PathBuf> {
    fs::create_dir_all(folder).map_err(WeightsError::io("create", folder))?;
    remove_left_overs(folder)?;
    let name = format!("{PREFIX}{:09}", checkpoint.step);
    let temporary = folder.join(format!("{TEMPORARY}{name}"));
    fs::create_dir(&temporary).map_err(WeightsError::io("create", &temporary))?;

    let mut groups = BTreeMap::new();
    for (group, arrays) in &checkpoint.groups {
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if group.is_empty() || !group.chars().all(valid) {
            let reason = format!("`{group}` cannot name a group: use letters, digits, `_` and `-`");
            return Err(Error::Invalid {
                path: temporary,
                reason,
            });
        }
        let path = temporary.join(format!("{group}.safetensors"));
        write_safetensors(&path, arrays, &Metadata::new())?;
        let size = fs::metadata(&path)
            .map_err(WeightsError::io("read", &path))?
            .len();
        groups.insert(group.clone(), size);
    }
    let manifest = Manifest {
        step: checkpoint.step,
        groups,
        state: checkpoint.state.clone(),
    };
    let json = serde_json::to_vec_pretty(&manifest).map_err(convert("a checkpoint's manifest"))?;
    clip2gan_weights::write_atomic(&temporary.join(MANIFEST), &json)?;

    let path = folder.join(&name);
    if path.exists() {
        // A folder cannot be replaced in one move; the old one steps aside first.
        let old = folder.join(format!("{OLD}{name}"));
        fs::rename(&path, &old).map_err(WeightsError::io("rename", &path))?;
    }
    fs::rename(&temporary, &path)
        .map_err(WeightsError::io("rename a temporary folder to", &path))?;
    sync_folder(&path);
    remove_left_overs(folder)?;
    let all = steps(folder)?;
    for (_, old) in all.iter().rev().skip(keep.max(1)) {
        if *old != path {
            fs::remove_dir_all(old).map_err(WeightsError::io("remove", old))?;
        }
    }
    Ok(path)
}

/// The latest whole checkpoint in a folder of checkpoints; `None` when there is none, or no such folder.
///
/// Damaged ones are passed over. When there are only damaged ones, the latest one's damage is the error.
pub fn load_latest(folder: &Path) -> Result<Option<Checkpoint>> {
    let mut damage = None;
    for (_, path) in steps(folder)?.into_iter().rev() {
        match load(&path) {
            Ok(checkpoint) => return Ok(Some(checkpoint)),
            Err(error) => damage = damage.or(Some(error)),
        }
    }
    damage.map_or(Ok(None), Err)
}

/// Reads one checkpoint from its own folder.
pub fn load(path: &Path) -> Result<Checkpoint> {
    let file = path.join(MANIFEST);
    let invalid = |reason: String| Error::Invalid {
        path: path.to_owned(),
        reason,
    };
    let json = fs::read(&file).map_err(WeightsError::io("read", &file))?;
    let manifest: Manifest = serde_json::from_slice(&json)
        .map_err(|error| invalid(format!("{MANIFEST} is damaged: {error}")))?;
    let mut groups = BTreeMap::new();
    for (group, size) in manifest.groups {
        let file = path.join(format!("{group}.safetensors"));
        let found = fs::metadata(&file)
            .map_err(WeightsError::io("read", &file))?
            .len();
        if found != size {
            return Err(invalid(format!(
                "the file of `{group}` should have {size} bytes, but has {found}"
            )));
        }
        groups.insert(group, read_safetensors(&file)?.0);
    }
    Ok(Checkpoint {
        step: manifest.step,
        groups,
        state: manifest.state,
    })
}

/// The checkpoints of a folder and their steps, in order.
fn steps(folder: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let mut steps: Vec<(u64, PathBuf)> = entries(folder)?
        .into_iter()
        .filter_map(|(name, path)| Some((name.strip_prefix(PREFIX)?.parse().ok()?, path)))
        .collect();
    steps.sort();
    Ok(steps)
}

/// Removes what a crash left: half-written checkpoints, and old ones whose successor is there.
fn remove_left_overs(folder: &Path) -> Result<()> {
    for (name, path) in entries(folder)? {
        if let Some(original) = name.strip_prefix(OLD)
            && !folder.join(original).exists()
        {
            // The crash came between the two moves: the old one is still the best there is.
            fs::rename(&path, folder.join(original)).map_err(WeightsError::io("rename", &path))?;
        } else if name.starts_with(OLD) || name.starts_with(TEMPORARY) {
            fs::remove_dir_all(&path).map_err(WeightsError::io("remove", &path))?;
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(WeightsError::io("read", folder))? {
        let entry = entry.map_err(WeightsError::io("read", folder))?;
        if let Ok(name) = entry.file_name().into_string() {
            entries.push((name, entry.path()));
        }
    }
    Ok(entries)
}

fn convert(what: &'static str) -> impl FnOnce(serde_json::Error) -> Error {
    move |error| Error::Convert {
        what,
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clip2gan_weights::Array;

    fn checkpoint(step: u64) -> Checkpoint {
        let arrays = Arrays::from([("w".to_owned(), Array::from_f32([2], &[step as f32, 0.1]))]);
        Checkpoint::new(step)
            .with_group("generator", arrays.clone())
            .with_group("generator_adam", arrays)
            .with_state(&(step * 2, "seen"))
            .unwrap()
    }

    #[test]
    fn what_is_saved_is_loaded_and_old_ones_go() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("checkpoints");
        assert_eq!(load_latest(&folder).unwrap(), None);
        for step in [900, 1000, 8, 1_000_000_000] {
            save(&folder, &checkpoint(step), 2).unwrap();
        }
        let mut latest = load_latest(&folder).unwrap().unwrap();
        assert_eq!(latest, checkpoint(1_000_000_000));
        assert_eq!(
            latest.state::<(u64, String)>().unwrap(),
            (2_000_000_000, "seen".to_owned())
        );
        let kept: Vec<u64> = steps(&folder)
            .unwrap()
            .into_iter()
            .map(|(step, _)| step)
            .collect();
        assert_eq!(kept, [1000, 1_000_000_000]);
        latest.take_group("generator").unwrap();
        let error = latest.take_group("discriminator").unwrap_err().to_string();
        assert!(
            error.contains("discriminator") && error.contains("generator_adam"),
            "{error}"
        );
    }

    #[test]
    fn a_step_can_be_saved_again() {
        let folder = tempfile::tempdir().unwrap();
        save(folder.path(), &checkpoint(5), 2).unwrap();
        let other = checkpoint(5).with_state(&"second").unwrap();
        save(folder.path(), &other, 2).unwrap();
        assert_eq!(load_latest(folder.path()).unwrap().unwrap(), other);
        assert_eq!(entries(folder.path()).unwrap().len(), 1);
    }

    #[test]
    fn incomplete_checkpoints_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        for step in 1..=5 {
            save(folder.path(), &checkpoint(step), 9).unwrap();
        }
        let at = |step: u64, file: &str| folder.path().join(format!("step-{step:09}")).join(file);
        fs::remove_file(at(5, MANIFEST)).unwrap();
        fs::remove_file(at(4, "generator.safetensors")).unwrap();
        let whole = fs::read(at(3, "generator_adam.safetensors")).unwrap();
        fs::write(
            at(3, "generator_adam.safetensors"),
            &whole[..whole.len() - 1],
        )
        .unwrap();
        assert_eq!(load_latest(folder.path()).unwrap().unwrap(), checkpoint(2));
        fs::write(at(2, MANIFEST), "{").unwrap();
        fs::write(at(1, MANIFEST), "").unwrap();
        assert!(load_latest(folder.path()).is_err());
    }

    #[test]
    fn a_crash_at_any_point_loses_nothing() {
        let folder = tempfile::tempdir().unwrap();
        save(folder.path(), &checkpoint(1), 3).unwrap();
        // While writing.
        let writing = folder.path().join(".writing-step-000000002");
        fs::create_dir(&writing).unwrap();
        fs::write(writing.join("generator.safetensors"), "cut sh").unwrap();
        assert_eq!(load_latest(folder.path()).unwrap().unwrap(), checkpoint(1));
        save(folder.path(), &checkpoint(2), 3).unwrap();
        assert_eq!(load_latest(folder.path()).unwrap().unwrap(), checkpoint(2));
        // Between the two moves of a replacement.
        let (path, old) = (
            folder.path().join("step-000000002"),
            folder.path().join(".old-step-000000002"),
        );
        fs::rename(&path, &old).unwrap();
        save(folder.path(), &checkpoint(3), 3).unwrap();
        let kept: Vec<u64> = steps(folder.path())
            .unwrap()
            .into_iter()
            .map(|(step, _)| step)
            .collect();
        assert_eq!(kept, [1, 2, 3]);
    }

    #[test]
    fn a_bad_group_name_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let bad = Checkpoint::new(0).with_group("../up", Arrays::new());
        assert!(
            save(folder.path(), &bad, 1)
                .unwrap_err()
                .to_string()
                .contains("../up")
        );
        assert_eq!(load_latest(folder.path()).unwrap(), None);
    }
}
