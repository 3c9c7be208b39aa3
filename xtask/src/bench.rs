//! `cargo xtask bench`: the benchmarks in `benches/`, alone under divan or by turns with their twins.

use std::path::Path;

use clap::Args;

use super::{call, cargo};

/// What to measure, and how it is told.
#[derive(Args)]
pub struct Bench {
    /// Run each case by turns with its twins in PyTorch and ONNX Runtime
    #[arg(long)]
    against_peers: bool,
    /// One group instead of all
    #[arg(long, value_parser = ["conv", "generate", "train-step", "clip"])]
    group: Option<String>,
    /// Only cases whose name contains this
    #[arg(long)]
    case: Option<String>,
    /// How often each case is measured (against peers: turns of each contestant); the median counts
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(5..))]
    rounds: u16,
    /// A peer: pytorch or onnxruntime; may be given more than once [default: both]
    #[arg(long, requires = "against_peers")]
    peer: Vec<String>,
    /// The Python that has the packages of benches/peers/requirements.txt [default: python3]
    #[arg(long, requires = "against_peers")]
    python: Option<String>,
    /// Print one JSON object a line, for each case and peer
    #[arg(long, requires = "against_peers", conflicts_with = "markdown")]
    json: bool,
    /// Print a Markdown table, as in docs/benchmarks.md
    #[arg(long, requires = "against_peers")]
    markdown: bool,
    /// Run the same cases once at the smallest sizes, to see that everything runs
    #[arg(long, requires = "against_peers")]
    tiny: bool,
}

impl Bench {
    /// Builds the benchmarks in release mode and runs them.
    pub fn run(&self) -> Result<(), String> {
        if self.against_peers {
            self.by_turns()
        } else {
            self.alone()
        }
    }

    fn by_turns(&self) -> Result<(), String> {
        let mut command = harness("against-peers");
        command.args(["--rounds", &self.rounds.to_string()]);
        let peers = self.peer.iter().map(|peer| ("--peer", Some(peer)));
        let python = self.python.as_deref().map(from_here).transpose()?;
        let choices = [
            ("--group", self.group.as_ref()),
            ("--case", self.case.as_ref()),
            ("--python", python.as_ref()),
        ];
        for (flag, value) in choices.into_iter().chain(peers) {
            command.args(value.into_iter().flat_map(|value| [flag, value]));
        }
        let flags = [
            ("--json", self.json),
            ("--markdown", self.markdown),
            ("--tiny", self.tiny),
        ];
        command.args(flags.iter().filter(|(_, set)| *set).map(|(flag, _)| flag));
        call(command)
    }

    fn alone(&self) -> Result<(), String> {
        let mut command = harness("groups");
        command.args(["--sample-count", &self.rounds.to_string()]);
        command.args(self.pattern());
        call(command)
    }

    /// The regular expression by which divan chooses, on paths such as `conv::8×512×16² forward`.
    fn pattern(&self) -> Option<String> {
        if self.group.is_none() && self.case.is_none() {
            return None;
        }
        let group = self.group.as_deref().unwrap_or("[a-z-]+");
        let part: String = self
            .case
            .iter()
            .flat_map(|part| part.chars())
            .map(literal)
            .collect();
        Some(format!("{group}::.*{part}"))
    }
}

/// A benchmark of `benches/`, whose arguments are yet to come. The program is named besides so that its features hold: then
/// what is measured is what it is built of, and nothing large is compiled twice.
fn harness(name: &str) -> std::process::Command {
    let mut command = cargo("bench");
    command.args([
        "--quiet",
        "--package",
        "clip2gan-bench",
        "--package",
        "clip2gan-cli",
    ]);
    command.args(["--bench", name, "--"]);
    command
}

/// A path as it is from anywhere, because cargo runs benchmarks in their package's folder. The name of a program that is to be
/// looked for stays as it is.
fn from_here(program: &str) -> Result<String, String> {
    if Path::new(program).components().count() < 2 {
        return Ok(program.to_owned());
    }
    // Links are not followed: the Python of a virtual environment is one.
    match std::path::absolute(program) {
        Ok(path) => Ok(path.to_string_lossy().into_owned()),
        Err(error) => Err(format!("{program}: {error}")),
    }
}

/// A character as a regular expression has it.
fn literal(character: char) -> String {
    match character {
        '\\' | '^' | '$' | '.' | '|' | '?' | '*' | '+' | '(' | ')' | '[' | ']' | '{' | '}' => {
            format!("\\{character}")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    /// The chore alone.
    #[derive(Parser)]
    struct Words {
        #[command(flatten)]
        bench: Bench,
    }

    fn parse(words: &str) -> Result<Bench, clap::Error> {
        let words = ["bench"].into_iter().chain(words.split_whitespace());
        Words::try_parse_from(words).map(|words| words.bench)
    }

    #[test]
    fn cases_are_chosen_by_group_and_part_of_the_name() {
        assert_eq!(parse("").unwrap().pattern(), None);
        let both = parse("--group conv --case forward+b").unwrap().pattern();
        assert_eq!(both.as_deref(), Some(r"conv::.*forward\+b"));
        let any = parse("--case 64").unwrap().pattern();
        assert_eq!(any.as_deref(), Some("[a-z-]+::.*64"));
    }

    #[test]
    fn an_interpreter_is_a_name_or_a_path() {
        assert_eq!(from_here("python3").unwrap(), "python3");
        let path = from_here("target/peers/bin/python").unwrap();
        assert!(Path::new(&path).is_absolute(), "{path}");
    }

    #[test]
    fn too_few_rounds_and_lonely_options_are_refused() {
        for (words, told) in [
            ("--rounds 4", "4 is not in 5"),
            ("--json", "--against-peers"),
            ("--group all", "train-step"),
        ] {
            let error = parse(words).err().map(|error| error.to_string());
            assert!(
                error.as_ref().is_some_and(|error| error.contains(told)),
                "{error:?}"
            );
        }
    }
}
