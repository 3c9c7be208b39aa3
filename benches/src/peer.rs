//! A twin of the cases in a process of its own (`peers/twin.py`), asked line by line in JSON.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use clip2gan_weights::{Arrays, Metadata, read_safetensors, write_safetensors};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::generate::root;
use crate::turns::median;
use crate::{Case, Error, Result};

/// The peers that there are.
pub const PEERS: [&str; 2] = ["pytorch", "onnxruntime"];

/// A running twin.
#[derive(Debug)]
pub struct Peer {
    name: String,
    versions: String,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    folder: TempDir,
}

impl Peer {
    /// Starts a twin on `threads` threads.
    ///
    /// # Errors
    /// If there is no such interpreter, or if it lacks packages; both say how to get them.
    pub fn start(name: &str, python: &str, threads: usize) -> Result<Self> {
        let cannot = |source| Error::Python {
            python: python.into(),
            source,
            advice: advice(python),
        };
        let mut child = Command::new(python)
            .arg(root().join("benches/peers/twin.py"))
            .args([name, &threads.to_string()])
            // Both are read when the libraries are loaded.
            .env("OMP_NUM_THREADS", threads.to_string())
            .env("MKL_NUM_THREADS", threads.to_string())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(cannot)?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(cannot(std::io::Error::other("it has no pipes")));
        };
        let folder = tempfile::tempdir().map_err(|source| Error::Io {
            path: std::env::temp_dir(),
            source,
        })?;
        let mut peer = Self {
            name: name.into(),
            versions: String::new(),
            child,
            input: Some(input),
            output: BufReader::new(output),
            folder,
        };
        let hello = peer.answer()?;
        if let Some(missing) = hello["missing"].as_str() {
            return Err(Error::Packages {
                python: python.into(),
                missing: missing.into(),
                advice: advice(python),
            });
        }
        peer.versions = hello["versions"].as_str().unwrap_or_default().into();
        Ok(peer)
    }

    /// One of [`PEERS`].
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it runs on, with versions.
    pub fn versions(&self) -> &str {
        &self.versions
    }

    /// Hands over a case. Gives what the twin makes of it (nothing, if the case has no result to compare), or `None` if
    /// the peer cannot do the work.
    ///
    /// # Errors
    /// If the twin fails.
    pub fn prepare(&mut self, case: &Case, arrays: &Arrays) -> Result<Option<Vec<f32>>> {
        let [given, made] = ["given", "made"].map(|name| self.path(name));
        write_safetensors(&given, arrays, &Metadata::default())?;
        let request = json!({"do": "prepare", "case": case, "given": given, "made": made});
        let answer = self.ask(&request)?;
        remove(&given)?;
        if answer["able"].as_bool() != Some(true) {
            return Ok(None);
        }
        if !made.is_file() {
            return Ok(Some(Vec::new()));
        }
        let (mut arrays, _) = read_safetensors(&made)?;
        remove(&made)?;
        let result = arrays
            .remove("result")
            .ok_or_else(|| self.failed("no result".into()))?;
        Ok(Some(result.to_f32()))
    }

    /// The median time of a run over one turn, in milliseconds: see [`Case::turn`].
    ///
    /// # Errors
    /// If the twin fails.
    pub fn turn(&mut self, warm: bool, at_least: Duration) -> Result<f64> {
        let at_least = at_least.as_secs_f64() * 1e3;
        let answer = self.ask(&json!({"do": "turn", "warm": warm, "at_least_ms": at_least}))?;
        let times = answer["ms"].as_array();
        let times: Vec<f64> = times
            .into_iter()
            .flatten()
            .filter_map(Value::as_f64)
            .collect();
        if times.is_empty() {
            return Err(self.failed(format!("expected times, found {answer}")));
        }
        Ok(median(&times))
    }

    /// Frees what [`prepare`](Self::prepare) made.
    ///
    /// # Errors
    /// If the twin fails.
    pub fn forget(&mut self) -> Result<()> {
        self.ask(&json!({"do": "forget"})).map(drop)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(format!("{name}.safetensors"))
    }

    fn ask(&mut self, request: &Value) -> Result<Value> {
        let sent = match &mut self.input {
            Some(input) => writeln!(input, "{request}").and_then(|()| input.flush()),
            None => Ok(()),
        };
        sent.map_err(|error| self.failed(format!("it has gone: {error}")))?;
        self.answer()
    }

    fn answer(&mut self) -> Result<Value> {
        let mut line = String::new();
        let read = self.output.read_line(&mut line);
        read.map_err(|error| self.failed(error.to_string()))?;
        if line.is_empty() {
            return Err(self.failed("it ended without an answer; its last words are above".into()));
        }
        let answer: Value = serde_json::from_str(&line)
            .map_err(|_| self.failed(format!("expected a line of JSON, found {line:?}")))?;
        match answer["error"].as_str() {
            Some(error) => Err(self.failed(error.into())),
            None => Ok(answer),
        }
    }

    fn failed(&self, reason: String) -> Error {
        Error::Peer {
            peer: self.name.clone(),
            reason,
        }
    }
}

impl Drop for Peer {
    /// The twin ends when its input does.
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.wait();
    }
}

fn remove(path: &Path) -> Result<()> {
    std::fs::remove_file(path).map_err(|source| Error::Io {
        path: path.into(),
        source,
    })
}

fn advice(python: &str) -> String {
    format!(
        "the peers want a Python with the packages of benches/peers/requirements.txt:\n  \
         {python} -m venv target/peers\n  \
         target/peers/bin/pip install -r benches/peers/requirements.txt\n  \
         cargo xtask bench --against-peers --python target/peers/bin/python"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_interpreter_it_says_how_to_get_one() {
        let error = Peer::start("pytorch", "no-such-python", 1).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("cannot start no-such-python"), "{text}");
        assert!(
            text.contains("pip install -r benches/peers/requirements.txt"),
            "{text}"
        );
    }
}
