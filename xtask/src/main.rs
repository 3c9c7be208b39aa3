//! Chores of the workspace: `cargo xtask train`, `dataset`, `sheets`, `bench` and `ci`.
//!
//! Each is a thin call of the `clip2gan` program, of the benchmarks or of `.ci/run`, so whatever they do can be done
//! without them.

mod bench;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::{Args, Parser, Subcommand};

/// Chores of the workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Train a whole bundle: data set, CLIP, StyleGAN2, mapper, bundle. Goes on where it stopped
    Train(Train),
    /// Write pictures of the avatar data set with their captions
    Dataset {
        /// The folder to write
        #[arg(long)]
        out: PathBuf,
        /// How many pictures
        #[arg(long, default_value_t = 64)]
        count: u64,
        /// Further options, handed on to `clip2gan dataset`
        #[arg(last = true)]
        further: Vec<String>,
    },
    /// Draw the sheets of docs/model-card.md with the bundle in assets/
    Sheets,
    /// Measure kernels and networks, alone or against PyTorch and ONNX Runtime
    Bench(bench::Bench),
    /// Run the checks: format, lints, tests
    Ci {
        /// Also the slow tests, the licences of all dependencies and the CUDA build, as the CI machine does
        #[arg(long)]
        all: bool,
    },
}

#[derive(Args)]
struct Train {
    /// A name in xtask/presets (smoke, avatars) or the path of such a file
    #[arg(long)]
    preset: String,
    /// The run's folder [default: runs/PRESET]
    #[arg(long)]
    run: Option<PathBuf>,
    /// Copy the finished bundle into assets/
    #[arg(long)]
    install: bool,
    /// Further options, handed on to `clip2gan train`
    #[arg(last = true)]
    further: Vec<String>,
}

fn main() -> ExitCode {
    let done = match Cli::parse().chore {
        Chore::Train(train) => run_train(&train),
        Chore::Dataset {
            out,
            count,
            further,
        } => clip2gan(["dataset", "--out"], |command| {
            command
                .arg(&out)
                .args(["--count", &count.to_string()])
                .args(&further);
        }),
        Chore::Sheets => clip2gan(["sheets", "--bundle"], |command| {
            command
                .arg(root().join("assets"))
                .arg("--out")
                .arg(root().join("docs/sheets"));
        }),
        Chore::Bench(bench) => bench.run(),
        Chore::Ci { all } => run_ci(all),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run_train(train: &Train) -> Result<(), String> {
    let (name, config) = preset(&train.preset)?;
    let run = match &train.run {
        Some(run) => run.clone(),
        None => root().join("runs").join(name),
    };
    clip2gan(["train", "all", "--resume"], |command| {
        command
            .arg("--config")
            .arg(&config)
            .arg("--run")
            .arg(&run)
            .args(&train.further);
    })?;
    if train.install {
        install(&run.join("bundle"), &root().join("assets"))?;
    }
    Ok(())
}

/// The name and file of a preset, given by name or by path.
fn preset(text: &str) -> Result<(String, PathBuf), String> {
    let folder = root().join("xtask/presets");
    let known = folder.join(format!("{text}.toml"));
    if known.is_file() {
        return Ok((text.to_string(), known));
    }
    let path = Path::new(text);
    match path.file_stem() {
        Some(stem) if path.is_file() => {
            Ok((stem.to_string_lossy().into_owned(), path.to_path_buf()))
        }
        _ => Err(format!(
            "no preset '{text}'; expected smoke, avatars or the path of a file such as {}",
            folder.join("smoke.toml").display()
        )),
    }
}

/// Copies the bundle's files, leaving other files in `to` alone.
fn install(from: &Path, to: &Path) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{}: {error}", from.display());
    fs::create_dir_all(to).map_err(told)?;
    for entry in fs::read_dir(from).map_err(told)? {
        let entry = entry.map_err(told)?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            install(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).map_err(told)?;
        }
    }
    Ok(())
}

/// Builds the program in release mode (a matter of a moment if it is built) and calls it.
fn clip2gan<const N: usize>(
    words: [&str; N],
    further: impl FnOnce(&mut Command),
) -> Result<(), String> {
    let mut command = cargo("run");
    command
        .args(["--release", "--quiet", "--package", "clip2gan-cli", "--"])
        .args(words);
    further(&mut command);
    call(command)
}

/// A command of cargo on this workspace.
fn cargo(name: &str) -> Command {
    let mut command = Command::new(env_or("CARGO", "cargo"));
    command
        .args([name, "--manifest-path"])
        .arg(root().join("Cargo.toml"));
    command
}

fn run_ci(all: bool) -> Result<(), String> {
    let mut command = Command::new("bash");
    command.arg(root().join(".ci/run")).current_dir(root());
    if !all {
        command.arg("quick");
    }
    call(command)
}

fn call(mut command: Command) -> Result<(), String> {
    let status = command
        .status()
        .map_err(|error| format!("cannot start {:?}: {error}", command.get_program()))?;
    match status.code() {
        Some(0) => Ok(()),
        Some(code) => Err(format!(
            "{:?} ended with code {code}",
            command.get_program()
        )),
        None => Err(format!("{:?} was stopped", command.get_program())),
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}

fn env_or(name: &str, default: &str) -> std::ffi::OsString {
    std::env::var_os(name).unwrap_or_else(|| default.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_go_by_name_or_path() {
        for name in ["smoke", "avatars"] {
            let (found, path) = preset(name).unwrap();
            assert_eq!(found, name);
            let path = path.to_str().unwrap();
            assert_eq!(preset(path).unwrap().0, name);
        }
        let error = preset("none").unwrap_err();
        assert!(error.contains("expected smoke, avatars"), "{error}");
    }

    #[test]
    fn what_is_installed_leaves_other_files_alone() {
        let folder = std::env::temp_dir().join(format!("xtask-install-{}", std::process::id()));
        let (from, to) = (folder.join("from"), folder.join("to"));
        fs::create_dir_all(from.join("clip")).unwrap();
        fs::create_dir_all(&to).unwrap();
        fs::write(from.join("clip/config.json"), "new").unwrap();
        fs::write(to.join("sheet.png"), "old").unwrap();
        install(&from, &to).unwrap();
        assert_eq!(fs::read(to.join("clip/config.json")).unwrap(), b"new");
        assert_eq!(fs::read(to.join("sheet.png")).unwrap(), b"old");
        fs::remove_dir_all(folder).unwrap();
    }
}
