//! Calling the program, and the tiny bundle.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

/// What a call of the program left behind.
pub struct Call {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Call {
    /// The one JSON object on standard output.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error} in {:?}; stderr: {}", self.out, self.err))
    }

    /// The call must have succeeded.
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "stdout: {}\nstderr: {}", self.out, self.err);
        self
    }

    /// The call must have ended with `code` and every one of `parts` on standard error, and nothing on standard output.
    pub fn fails(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, code, "stderr: {}", self.err);
        assert_eq!(self.out, "");
        for part in parts {
            assert!(self.err.contains(part), "no {part:?} in: {}", self.err);
        }
    }
}

/// Calls the program in `folder`.
pub fn clip2gan_in(folder: &Path, arguments: &[&str]) -> Call {
    let output = Command::new(env!("CARGO_BIN_EXE_clip2gan"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("CLIP2GAN_BUNDLE")
        .output()
        .expect("the program starts");
    let Output {
        status,
        stdout,
        stderr,
    } = output;
    Call {
        code: status.code().expect("the program was not killed"),
        out: String::from_utf8(stdout).expect("UTF-8"),
        err: String::from_utf8(stderr).expect("UTF-8"),
    }
}

/// Calls the program in a new empty folder, which is returned with the result.
pub fn clip2gan(arguments: &[&str]) -> (Call, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    (clip2gan_in(folder.path(), arguments), folder)
}

/// A file of this repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

/// The smoke preset's run, trained when it is first asked for. It stays in `target/tmp`, to be looked at.
pub fn smoke_run() -> &'static Path {
    static RUN: OnceLock<PathBuf> = OnceLock::new();
    RUN.get_or_init(|| {
        let run = Path::new(env!("CARGO_TARGET_TMPDIR")).join("smoke-run");
        if run.exists() {
            std::fs::remove_dir_all(&run).expect("the last run goes");
        }
        train(&run, "all", &[]).ok();
        run
    })
}

/// Trains a stage of the smoke preset in `run`, where earlier stages may be already.
pub fn train(run: &Path, stage: &str, further: &[&str]) -> Call {
    let config = repository("xtask/presets/smoke.toml");
    let (config, run) = (config.to_str().unwrap(), run.to_str().unwrap());
    let mut arguments = vec![
        "train", stage, "--config", config, "--run", run, "--device", "cpu",
    ];
    arguments.extend(further);
    clip2gan(&arguments).0
}

/// The tiny bundle.
pub fn bundle() -> String {
    smoke_run().join("bundle").to_str().unwrap().to_owned()
}
