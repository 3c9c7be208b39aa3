//! One file for each command, and what they share.

pub mod classify;
pub mod dataset;
pub mod edit;
pub mod embed;
mod features;
pub mod generate;
pub mod import;
pub mod info;
pub mod sample;
pub mod sheets;

use std::path::Path;

use burn::tensor::Device;
use clip2gan::Bundle;

use crate::args::{BundleArg, Global};
use crate::console::Console;
use crate::error::Outcome;
use crate::{bundle, seeds};

/// What every command has at hand.
pub struct Context {
    /// Where to print.
    pub console: Console,
    /// The seed that was asked for, if any.
    pub seed: Option<u64>,
    device: String,
}

impl Context {
    /// From the options of every command.
    pub fn new(global: Global) -> Self {
        Self {
            console: Console::new(global.json, global.quiet),
            seed: global.seed,
            device: global.device,
        }
    }

    /// The seed that was asked for, or a fresh one.
    pub fn seed(&self) -> u64 {
        self.seed.unwrap_or_else(seeds::draw)
    }

    /// Opens the device that was asked for.
    pub fn device(&self) -> Outcome<Device> {
        Ok(clip2gan::device::pick(&self.device)?)
    }

    /// Finds and loads the bundle. The device comes first: a wrong name should not cost a search.
    pub fn bundle(&self, which: &BundleArg) -> Outcome<Bundle> {
        let device = self.device()?;
        let folder = bundle::find(which.bundle.as_deref())?;
        Ok(Bundle::load(folder, &device)?)
    }

    /// Notes about sentences.
    pub fn notes(&self, notes: &[clip2gan::Note]) {
        for note in notes {
            self.console.note(format_args!("note: {note}"));
        }
    }
}

/// A path as JSON writes it.
fn text(path: &Path) -> String {
    path.display().to_string()
}
