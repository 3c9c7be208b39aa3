//! Measuring by turns: ours, a peer, the next peer, ours again. Whatever the machine does meanwhile falls on all of them.

use std::time::Duration;

use crate::peer::Peer;
use crate::{Case, Error, Result};

/// How long and how often is measured.
#[derive(Clone, Copy, Debug)]
pub struct Rounds {
    /// Turns of each contestant.
    pub count: usize,
    /// A turn lasts at least so long.
    pub turn: Duration,
    /// Between turns, so that the threads of whoever ran last go to sleep: some spin for a while when their work is done.
    pub pause: Duration,
}

/// A run that takes longer than this, in milliseconds, does not begin its turns with an untimed run: its caches are warm
/// after a fraction of it.
const LONG: f64 = 2000.0;

/// Medians of one case, in milliseconds a step.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Ours.
    pub ours: f64,
    /// The peers that can do the work, by name.
    pub peers: Vec<(String, f64)>,
}

/// Measures a case against those `peers` that can do its work.
///
/// # Errors
/// If something fails, or if a peer computes something else than ours does.
pub fn measure(case: &Case, peers: &mut [Peer], rounds: Rounds) -> Result<Measured> {
    let mut work = case.prepare()?;
    let expected = work.result()?;
    let arrays = work.arrays();
    let mut able = Vec::new();
    for peer in peers.iter_mut() {
        if let Some(found) = peer.prepare(case, &arrays)? {
            if let Some(expected) = &expected {
                agree(case, peer.name(), expected, &found)?;
            }
            able.push(peer);
        }
    }
    drop(arrays);

    let steps = case.steps() as f64;
    let first = case.turn(&mut *work, false, Duration::ZERO)?;
    let warm = first * steps < LONG;
    let mut ours = Vec::new();
    let mut theirs = vec![Vec::new(); able.len()];
    for _ in 0..rounds.count {
        std::thread::sleep(rounds.pause);
        ours.push(case.turn(&mut *work, warm, rounds.turn)?);
        for (peer, times) in able.iter_mut().zip(&mut theirs) {
            std::thread::sleep(rounds.pause);
            times.push(peer.turn(warm, rounds.turn)? / steps);
        }
    }
    let mut medians = Vec::new();
    for (peer, times) in able.into_iter().zip(theirs) {
        peer.forget()?;
        medians.push((peer.name().to_owned(), median(&times)));
    }
    Ok(Measured {
        ours: median(&ours),
        peers: medians,
    })
}

/// The median of at least one value.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) {
        0.5 * (sorted[middle - 1] + sorted[middle])
    } else {
        sorted[middle]
    }
}

/// Relative to the root mean square of what is expected.
const TOLERANCE: f64 = 1e-3;

/// A twin that computes something else is no twin.
fn agree(case: &Case, peer: &str, expected: &[f32], found: &[f32]) -> Result<()> {
    let disagreement = |expected: String, found: String| Error::Disagreement {
        case: format!("{} {case}", case.group),
        peer: peer.into(),
        expected,
        found,
    };
    if expected.len() != found.len() {
        let [expected, found] = [expected, found].map(|values| format!("{} numbers", values.len()));
        return Err(disagreement(expected, found));
    }
    let square: f64 = expected.iter().map(|&x| f64::from(x).powi(2)).sum();
    let size = (square / expected.len() as f64).sqrt();
    let pairs = expected.iter().zip(found);
    let apart = pairs.map(|(&a, &b)| f64::from(a - b).abs());
    // Written so that a number that is none does not pass.
    if apart.clone().all(|x| x <= TOLERANCE * size) {
        return Ok(());
    }
    let worst = apart.fold(0.0, f64::max);
    Err(disagreement(
        format!("within {:.1e}", TOLERANCE * size),
        format!("numbers differ by up to {worst:.1e}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Scale, cases};

    #[test]
    fn medians() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn twins_must_agree() {
        let case = &cases(Scale::Tiny).unwrap()[0];
        assert!(agree(case, "twin", &[1.0, -2.0], &[1.0, -2.0001]).is_ok());
        for other in [&[1.0, -2.1][..], &[1.0], &[1.0, f32::NAN]] {
            let error = agree(case, "twin", &[1.0, -2.0], other).unwrap_err();
            assert!(
                error.to_string().contains("twin computes something else"),
                "{error}"
            );
        }
    }
}
