//! The terminal: results on standard output, everything else on standard error.

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

/// How often a plain line reports progress where there is no terminal.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// Who is listening: a person at a terminal, a log file or a program.
#[derive(Clone, Debug)]
pub struct Console {
    json: bool,
    quiet: bool,
}

impl Console {
    /// `json` writes one JSON object per result; `quiet` leaves out everything that was not asked for.
    pub fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    /// A remark to the person: on standard error, and not at all with `--quiet`.
    pub fn note(&self, text: impl Display) {
        if !self.quiet {
            // A closed standard error is no reason to stop working.
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }

    /// What was done, for people (left out with `--quiet`) or for a machine.
    pub fn done(&self, plain: impl Display, json: Value) {
        if self.json || !self.quiet {
            self.answer(plain, json);
        }
    }

    /// What was asked for: printed even with `--quiet`.
    pub fn answer(&self, plain: impl Display, json: Value) {
        let mut out = std::io::stdout();
        // A reader that went away (`| head`) is no error.
        let _ = if self.json {
            writeln!(out, "{json}")
        } else {
            writeln!(out, "{plain}")
        };
    }

    /// A progress display for `total` units of work, `start` of them already done.
    pub fn progress(&self, what: &str, start: u64, total: u64) -> Progress {
        let terminal = std::io::stderr().is_terminal() && !self.quiet;
        let bar = terminal.then(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            // The template is a constant; should it ever be wrong, the default bar does.
            if let Ok(style) =
                ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} {eta} {msg}")
            {
                bar.set_style(style);
            }
            bar.set_prefix(what.to_string());
            bar.set_position(start);
            bar.reset_eta();
            bar
        });
        Progress {
            console: self.clone(),
            bar,
            what: what.to_string(),
            total,
            last: Instant::now(),
        }
    }
}

/// A bar on a terminal, a line now and then elsewhere, nothing with `--quiet`.
pub struct Progress {
    console: Console,
    bar: Option<ProgressBar>,
    what: String,
    total: u64,
    last: Instant,
}

impl Progress {
    /// `position` units are done; `message` says how it goes.
    pub fn set(&mut self, position: u64, message: impl Display) {
        if let Some(bar) = &self.bar {
            bar.set_message(message.to_string());
            bar.set_position(position);
        } else if position >= self.total || self.last.elapsed() >= PLAIN_EVERY {
            self.last = Instant::now();
            let (what, total) = (&self.what, self.total);
            self.console
                .note(format_args!("{what} {position}/{total} {message}"));
        }
    }

    /// Takes the bar away.
    pub fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
