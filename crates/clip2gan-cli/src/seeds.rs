//! Seeds: lists as upstream writes them, and drawing one where none is given.

use std::hash::{BuildHasher, Hasher};

/// A list of seeds such as `0,1,4-6`, in the order written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeds(pub Vec<u64>);

/// More pictures than this in one call is taken for a slip of the finger.
const MOST: usize = 100_000;

impl std::str::FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut seeds = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return Err(format!(
                    "the range '{part}' runs backwards; write it as {last}-{first}"
                ));
            }
            if last - first >= (MOST - seeds.len()) as u64 {
                return Err(format!("more than {MOST} seeds"));
            }
            seeds.extend(first..=last);
        }
        Ok(Self(seeds))
    }
}

fn number(text: &str) -> Result<u64, String> {
    let text = text.trim();
    text.parse().map_err(|_| {
        format!("'{text}' is not a seed; expected whole numbers and ranges such as 0,1,4-6")
    })
}

/// A fresh seed of at most 32 bits, short enough to be typed again.
pub fn draw() -> u64 {
    // The standard library's hasher is keyed by the operating system's randomness.
    let hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.finish() & u64::from(u32::MAX)
}

/// Reads `--seed`.
pub fn parse_seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| {
        format!(
            "expected a whole number from 0 to {}; leave it out to have one drawn",
            u64::MAX
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_ranges() {
        assert_eq!("0,1,4-6".parse(), Ok(Seeds(vec![0, 1, 4, 5, 6])));
        assert_eq!(" 7 ".parse(), Ok(Seeds(vec![7])));
    }

    #[test]
    fn bad_lists_say_what_is_wrong() {
        for (text, part) in [
            ("", "not a seed"),
            ("1,x", "'x' is not a seed"),
            ("6-4", "write it as 4-6"),
            ("0-99999999999", "more than"),
            ("-1", "not a seed"),
        ] {
            let error = text.parse::<Seeds>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn drawn_seeds_differ() {
        assert_ne!(draw(), draw());
    }
}
