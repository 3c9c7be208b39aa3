//! What was measured, as a table for a terminal, as Markdown for `docs/benchmarks.md`, and as lines of JSON.

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::peaks::Peaks;
use crate::turns::Measured;
use crate::{Case, Cost};

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Aligned columns.
    Table,
    /// A Markdown document's table, with what it was made by.
    Markdown,
    /// One object a line, for each case and peer.
    Json,
}

/// What a table stands on.
#[derive(Clone, Debug)]
pub struct Circumstances {
    /// The command that makes it.
    pub command: String,
    /// The peers with their versions.
    pub peers: Vec<(String, String)>,
    /// Turns of each contestant.
    pub rounds: usize,
    /// Threads of each contestant.
    pub threads: usize,
    /// The machine's peaks.
    pub peaks: Peaks,
}

/// What stands above the results.
pub fn head(style: Style, circumstances: &Circumstances) -> String {
    let Circumstances {
        command,
        peers,
        rounds,
        threads,
        peaks,
    } = circumstances;
    let versions: Vec<&str> = peers
        .iter()
        .map(|(_, versions)| versions.as_str())
        .collect();
    let machine = format!("{}, {threads} threads", machine());
    let tops = format!(
        "multiply-adds {:.0} GFLOP/s, copies {:.1} GB/s",
        peaks.gflops, peaks.gbytes
    );
    let (date, versions) = (date(SystemTime::now()), versions.join("; "));
    let columns = columns(peers);
    match style {
        Style::Json => String::new(),
        Style::Table => format!(
            "{machine}; {tops}; median of {rounds}\n{versions}\n\n{}\n",
            aligned(&columns)
        ),
        Style::Markdown => format!(
            "`{command}` on {machine}, {date}. Peaks of that machine in the same run: {tops}. Medians of {rounds} \
             turns. Peers: {versions}.\n\n|{}|\n|{}|\n",
            columns
                .iter()
                .map(|column| format!(" {column} |"))
                .collect::<String>()
                .trim_end_matches('|'),
            columns
                .iter()
                .enumerate()
                .map(|(i, _)| if i < 2 { "---|" } else { "---:|" })
                .collect::<String>()
                .trim_end_matches('|'),
        ),
    }
}

/// One case's results; lines end with a line feed.
pub fn rows(
    style: Style,
    circumstances: &Circumstances,
    case: &Case,
    measured: &Measured,
) -> String {
    if style == Style::Json {
        return lines(case, measured);
    }
    let cells = cells(circumstances, case, measured);
    match style {
        Style::Markdown => format!("| {} |\n", cells.join(" | ")),
        _ => aligned(&cells) + "\n",
    }
}

fn lines(case: &Case, measured: &Measured) -> String {
    let line = |(peer, peer_ms): &(String, f64)| {
        let line = json!({
            "group": case.group,
            "case": case.name,
            "peer": peer,
            "ours_ms": measured.ours,
            "peer_ms": peer_ms,
            "ratio": peer_ms / measured.ours,
        });
        format!("{line}\n")
    };
    measured.peers.iter().map(line).collect()
}

fn columns(peers: &[(String, String)]) -> Vec<String> {
    let fixed = ["group", "case", "ms", "GFLOP/s", "GB/s", "of roof"];
    let of_peers = peers
        .iter()
        .flat_map(|(name, _)| [format!("{name} ms"), "ratio".to_owned()]);
    fixed
        .map(str::to_owned)
        .into_iter()
        .chain(of_peers)
        .collect()
}

fn cells(circumstances: &Circumstances, case: &Case, measured: &Measured) -> Vec<String> {
    let Cost { flops, bytes } = case.cost();
    let per_second = |work: f64| work / measured.ours / 1e6;
    let share = per_second(flops) / circumstances.peaks.roof(case.cost());
    let mut cells = vec![
        case.group.to_owned(),
        case.name.clone(),
        milliseconds(measured.ours),
        format!("{:.0}", per_second(flops)),
        format!("{:.1}", per_second(bytes)),
        format!("{:.0} %", 100.0 * share),
    ];
    for (name, _) in &circumstances.peers {
        match measured.peers.iter().find(|(peer, _)| peer == name) {
            Some((_, ms)) => {
                cells.push(milliseconds(*ms));
                cells.push(format!("{:.2}", ms / measured.ours));
            }
            None => cells.extend(["–".to_owned(), "–".to_owned()]),
        }
    }
    cells
}

/// Three digits.
fn milliseconds(ms: f64) -> String {
    match ms {
        ms if ms < 10.0 => format!("{ms:.2}"),
        ms if ms < 100.0 => format!("{ms:.1}"),
        ms => format!("{ms:.0}"),
    }
}

fn aligned(cells: &[String]) -> String {
    let mut line = String::new();
    for (index, cell) in cells.iter().enumerate() {
        // Writing to a string does not fail.
        let _ = match index {
            0 => write!(line, "{cell:<11}"),
            1 => write!(line, "{cell:<32}"),
            2..=5 => write!(line, "{cell:>9}"),
            _ if index.is_multiple_of(2) => write!(line, "{cell:>16}"),
            _ => write!(line, "{cell:>7}"),
        };
    }
    line
}

/// The processor's name, where the system tells it.
fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find(|line| line.starts_with("model name"));
    match name.and_then(|line| line.split_once(':')) {
        Some((_, name)) => name.trim().to_owned(),
        None => format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
    }
}

/// The day as `2026-01-31`, in universal time.
fn date(time: SystemTime) -> String {
    let seconds = time
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    // Days since the first of March of year 0, in eras of 400 years (Hinnant, "chrono-compatible low-level date
    // algorithms").
    let days = seconds / 86_400 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Scale, cases};

    #[test]
    fn dates() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (19_782, "2024-02-29"),
            (20_088, "2024-12-31"),
        ] {
            assert_eq!(
                date(UNIX_EPOCH + Duration::from_secs(86_400 * days)),
                expected
            );
        }
    }

    #[test]
    fn all_styles_have_a_cell_for_each_column() {
        let case = &cases(Scale::Full).unwrap()[0];
        let circumstances = Circumstances {
            command: "cargo xtask bench".into(),
            peers: ["pytorch", "onnxruntime"]
                .map(|name| (name.into(), format!("{name} 1")))
                .into(),
            rounds: 5,
            threads: 2,
            peaks: Peaks {
                gflops: 500.0,
                gbytes: 30.0,
            },
        };
        let measured = Measured {
            ours: 20.0,
            peers: vec![("pytorch".into(), 25.0)],
        };
        let json = rows(Style::Json, &circumstances, case, &measured);
        assert_eq!(
            json,
            "{\"case\":\"8×512×16² forward\",\"group\":\"conv\",\"ours_ms\":20.0,\"peer\":\"pytorch\",\"peer_ms\":25.0,\
             \"ratio\":1.25}\n"
        );
        let markdown = head(Style::Markdown, &circumstances)
            + &rows(Style::Markdown, &circumstances, case, &measured);
        let bars: Vec<usize> = markdown
            .lines()
            .skip(2)
            .map(|line| line.matches('|').count())
            .collect();
        assert_eq!(bars, [11, 11, 11], "{markdown}");
        assert!(markdown.contains("| 20.0 | 483 |"), "{markdown}");
        assert!(markdown.contains("| 25.0 | 1.25 | – | – |"), "{markdown}");
        assert!(head(Style::Table, &circumstances).contains("of roof"));
    }
}
