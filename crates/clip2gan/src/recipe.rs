//! How a picture was made.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Everything needed to make a picture again, given its bundle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// What made it: "sample", "edit", "generate", …
    pub command: String,
    /// The sentence, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// The seed of this very picture, where one was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The bundle's name.
    pub bundle: String,
    /// The bundle's hash (see [`Bundle::hash`](crate::Bundle::hash)).
    pub bundle_hash: String,
    /// Every other setting that matters, by its name.
    #[serde(default)]
    pub settings: BTreeMap<String, Value>,
    /// The version of clip2gan.
    pub version: String,
}

impl Recipe {
    /// A recipe without settings, of this version.
    pub fn new(command: &str, bundle: &str, bundle_hash: &str) -> Self {
        Self {
            command: command.to_owned(),
            prompt: None,
            seed: None,
            bundle: bundle.to_owned(),
            bundle_hash: bundle_hash.to_owned(),
            settings: BTreeMap::new(),
            version: crate::VERSION.to_owned(),
        }
    }

    /// The same recipe with one more setting.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.settings.insert(name.to_owned(), value.into());
        self
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "command:     {}", self.command)?;
        if let Some(prompt) = &self.prompt {
            writeln!(f, "prompt:      {prompt}")?;
        }
        if let Some(seed) = self.seed {
            writeln!(f, "seed:        {seed}")?;
        }
        writeln!(f, "bundle:      {}", self.bundle)?;
        writeln!(f, "bundle hash: {}", self.bundle_hash)?;
        for (name, value) in &self.settings {
            let label = format!("{name}:");
            writeln!(f, "{label:<12} {value}")?;
        }
        write!(f, "version:     {}", self.version)
    }
}
