//! `stats.jsonl`: one JSON object per line, `step` first.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use clip2gan_weights::{Error as WeightsError, write_atomic};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Appends lines to a `stats.jsonl`.
#[derive(Debug)]
pub struct Stats {
    path: PathBuf,
    file: File,
}

#[derive(Serialize)]
struct Line<'a, T> {
    step: u64,
    #[serde(flatten)]
    values: &'a T,
}

#[derive(Deserialize)]
struct Step {
    step: u64,
}

impl Stats {
    /// Opens the file, made if need be, and drops every line of a step after `step`, and a last line that was cut
    /// short.
    ///
    /// So the file of a run that was resumed at `step` ends up as that of an uninterrupted one. For a new run, `step`
    /// is 0.
    pub fn resume(path: &Path, step: u64) -> Result<Self> {
        if path.exists() {
            let text = fs::read_to_string(path).map_err(WeightsError::io("read", path))?;
            let kept = keep(path, &text, step)?;
            if kept != text {
                write_atomic(path, kept.as_bytes())?;
            }
        }
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(WeightsError::io("open", path))?;
        Ok(Stats {
            path: path.to_owned(),
            file,
        })
    }

    /// Appends a line: `values` is a struct or a map.
    ///
    /// `step` is how many steps are done. Times do not belong here: they differ from run to run.
    pub fn write(&mut self, step: u64, values: &impl Serialize) -> Result<()> {
        let mut line =
            serde_json::to_vec(&Line { step, values }).map_err(|error| Error::Convert {
                what: "statistics",
                reason: error.to_string(),
            })?;
        line.push(b'\n');
        self.file
            .write_all(&line)
            .map_err(WeightsError::io("write", &self.path))?;
        Ok(())
    }
}

fn keep(path: &Path, text: &str, step: u64) -> Result<String> {
    let mut kept = String::with_capacity(text.len());
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if !line.ends_with('\n') {
            // A crash cut the last line short; its step comes again.
            break;
        }
        let of: Step = serde_json::from_str(line).map_err(|error| Error::Invalid {
            path: path.to_owned(),
            reason: format!(
                "line {} is not an object with a `step`: {error}",
                number + 1
            ),
        })?;
        if of.step <= step {
            kept.push_str(line);
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(Serialize)]
    struct Losses {
        generator: f32,
        discriminator: f32,
    }

    fn write(stats: &mut Stats, steps: impl IntoIterator<Item = u64>) {
        for step in steps {
            let losses = Losses {
                generator: step as f32 * 0.5,
                discriminator: 0.1,
            };
            stats.write(step, &losses).unwrap();
        }
    }

    #[test]
    fn a_resumed_file_equals_an_uninterrupted_one() {
        let folder = tempfile::tempdir().unwrap();
        let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
        write(&mut Stats::resume(&whole, 0).unwrap(), 1..=10);
        write(&mut Stats::resume(&parts, 0).unwrap(), 1..=7);
        let mut file = OpenOptions::new().append(true).open(&parts).unwrap();
        file.write_all(b"{\"step\":8,\"gen").unwrap();
        write(&mut Stats::resume(&parts, 5).unwrap(), 6..=10);
        assert_eq!(
            fs::read_to_string(&whole).unwrap(),
            fs::read_to_string(&parts).unwrap()
        );
        let first = fs::read_to_string(&whole)
            .unwrap()
            .lines()
            .next()
            .unwrap()
            .to_owned();
        assert_eq!(first, r#"{"step":1,"generator":0.5,"discriminator":0.1}"#);
    }

    #[test]
    fn maps_are_taken_and_foreign_files_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stats.jsonl");
        let values = BTreeMap::from([("loss", 1.5)]);
        Stats::resume(&path, 0).unwrap().write(3, &values).unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "{\"step\":3,\"loss\":1.5}\n"
        );
        fs::write(&path, "hello\n").unwrap();
        let error = Stats::resume(&path, 0).unwrap_err().to_string();
        assert!(
            error.contains("stats.jsonl") && error.contains("line 1"),
            "{error}"
        );
    }
}
