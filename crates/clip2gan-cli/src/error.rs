//! What the user is told when something does not work: what was wrong, what was expected, what to do.

use std::fmt;

/// Exit code of a command that was asked for something sensible and could not do it.
pub const FAILED: u8 = 1;
/// Exit code of a command that was asked for something that makes no sense.
pub const WRONG_USE: u8 = 2;

/// The end of a command that did not succeed.
#[derive(Debug)]
pub struct Failure {
    /// The exit code, [`FAILED`] or [`WRONG_USE`].
    pub code: u8,
    what: String,
    expected: Option<String>,
    hint: Option<String>,
}

/// What every command returns.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// The request was sensible but could not be met (exit 1).
    pub fn failed(what: impl Into<String>) -> Self {
        Self {
            code: FAILED,
            what: what.into(),
            expected: None,
            hint: None,
        }
    }

    /// The request itself was wrong (exit 2).
    pub fn usage(what: impl Into<String>) -> Self {
        Self {
            code: WRONG_USE,
            ..Self::failed(what)
        }
    }

    /// Adds what would have been right.
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// Adds what the user can do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same three parts for a machine.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "error": {
                "what": self.what,
                "expected": self.expected,
                "hint": self.hint,
                "code": self.code,
            }
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.what)?;
        if let Some(expected) = &self.expected {
            write!(f, "\n  expected: {expected}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  try: {hint}")?;
        }
        Ok(())
    }
}

/// For a library that wants an error of its caller.
impl From<Failure> for Box<dyn std::error::Error + Send + Sync> {
    fn from(failure: Failure) -> Self {
        match failure.expected {
            Some(expected) => format!("{}; expected {expected}", failure.what).into(),
            None => failure.what.into(),
        }
    }
}

/// Any library error ends the command with exit 1; its causes are told too, each once. An option or a device that cannot
/// be used is wrong use.
impl<E: std::error::Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut what = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !what.contains(&text) {
                what.push_str(": ");
                what.push_str(&text);
            }
            cause = error.source();
        }
        let error: &dyn std::any::Any = &error;
        match error.downcast_ref() {
            Some(clip2gan::Error::Option {
                name,
                expected,
                found,
            }) => Self::usage(format!("{name} cannot be {found}")).expected(expected),
            Some(clip2gan::Error::Device {
                name,
                reason,
                expected,
            }) => Self::usage(format!("device '{name}': {reason}")).expected(expected),
            _ => Self::failed(what),
        }
    }
}

/// Names the file in an I/O error, which does not name it by itself.
pub fn at(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Failure + '_ {
    move |error| Failure::failed(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read the bundle")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn causes_are_told_once() {
        let failure = Failure::from(Outer(std::io::Error::other("disk on fire")));
        assert_eq!(failure.code, FAILED);
        assert_eq!(
            failure.to_string(),
            "error: cannot read the bundle: disk on fire"
        );
    }

    #[test]
    fn the_three_parts_have_a_line_each() {
        let failure = Failure::usage("no").expected("yes").hint("ask again");
        assert_eq!(
            failure.to_string(),
            "error: no\n  expected: yes\n  try: ask again"
        );
        assert_eq!(failure.to_json()["error"]["code"], 2);
    }
}
