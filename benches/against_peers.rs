//! Measures every case by turns with its twins in `peers/`: `cargo xtask bench --against-peers`.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Parser;
use clip2gan_bench::case::{GROUPS, select};
use clip2gan_bench::peaks::Peaks;
use clip2gan_bench::peer::{PEERS, Peer};
use clip2gan_bench::report::{Circumstances, Style, head, rows};
use clip2gan_bench::turns::{Rounds, measure};
use clip2gan_bench::{Result, Scale, cases};
use clip2gan_kernels::keep_freed_memory;

/// Measure our networks and kernels by turns with PyTorch and ONNX Runtime.
#[derive(Parser)]
#[command(
    name = "cargo xtask bench --against-peers",
    bin_name = "cargo xtask bench --against-peers"
)]
struct Args {
    /// One group instead of all
    #[arg(long, value_parser = GROUPS)]
    group: Option<String>,
    /// Only cases whose name contains this
    #[arg(long, default_value = "")]
    case: String,
    /// Turns of each contestant, of which the median is taken
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(5..))]
    rounds: u16,
    /// A peer; may be given more than once [default: all]
    #[arg(long, value_parser = PEERS)]
    peer: Vec<String>,
    /// The Python that has the packages of benches/peers/requirements.txt
    #[arg(long, default_value = "python3")]
    python: String,
    /// Print one JSON object a line, for each case and peer
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print a Markdown table, as in docs/benchmarks.md
    #[arg(long)]
    markdown: bool,
    /// Run the same cases at the smallest sizes, once, to see that everything runs; the times mean nothing
    #[arg(long)]
    tiny: bool,
    /// What cargo says to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    keep_freed_memory();
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let style = match (args.json, args.markdown) {
        (true, _) => Style::Json,
        (_, true) => Style::Markdown,
        _ => Style::Table,
    };
    let scale = if args.tiny { Scale::Tiny } else { Scale::Full };
    let chosen = select(cases(scale)?, args.group.as_deref(), &args.case)?;
    let rounds = Rounds {
        count: if args.tiny { 1 } else { args.rounds.into() },
        turn: Duration::from_millis(if args.tiny { 0 } else { 200 }),
        pause: Duration::from_millis(if args.tiny { 0 } else { 100 }),
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let names: Vec<&str> = match args.peer.is_empty() {
        true => PEERS.to_vec(),
        false => args.peer.iter().map(String::as_str).collect(),
    };
    let mut peers = Vec::new();
    for name in names {
        peers.push(Peer::start(name, &args.python, threads)?);
    }
    let circumstances = Circumstances {
        command: command(args),
        peers: peers
            .iter()
            .map(|peer| (peer.name().to_owned(), peer.versions().to_owned()))
            .collect(),
        rounds: rounds.count,
        threads,
        peaks: Peaks::measure(threads),
    };
    print!("{}", head(style, &circumstances));
    for case in &chosen {
        eprintln!("{} {case} …", case.group);
        let measured = measure(case, &mut peers, rounds)?;
        print!("{}", rows(style, &circumstances, case, &measured));
    }
    Ok(())
}

/// The command that makes the same table; where the interpreter is, is the reader's own affair.
fn command(args: &Args) -> String {
    let mut command = "cargo xtask bench --against-peers".to_owned();
    let peers = args.peer.iter().map(|peer| ("--peer", peer.clone()));
    let choices = args.group.iter().map(|group| ("--group", group.clone()));
    for (flag, value) in choices.chain(peers) {
        command += &format!(" {flag} {value}");
    }
    if !args.case.is_empty() {
        command += &format!(" --case '{}'", args.case);
    }
    if args.rounds != 7 {
        command += &format!(" --rounds {}", args.rounds);
    }
    if args.tiny {
        command += " --tiny";
    }
    if args.markdown {
        command += " --markdown";
    }
    command
}
