//! Learning-rate schedules.

use serde::{Deserialize, Serialize};

/// Linear warm-up, then a half cosine down to a floor (Loshchilov & Hutter,
/// [arXiv 1608.03983](https://arxiv.org/abs/1608.03983)), which then holds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cosine {
    /// The value at the end of the warm-up.
    pub peak: f64,
    /// The value at the end.
    #[serde(default)]
    pub floor: f64,
    /// How many steps the warm-up takes.
    #[serde(default)]
    pub warmup: u64,
    /// How many steps there are in all.
    pub total: u64,
}

impl Cosine {
    /// The value for the step that is numbered `step`, from 0.
    pub fn at(&self, step: u64) -> f64 {
        if step < self.warmup {
            // The first step already moves, and the last of the warm-up reaches the peak.
            return self.peak * (step + 1) as f64 / self.warmup as f64;
        }
        let length = self.total.saturating_sub(self.warmup).max(1) as f64;
        let part = ((step - self.warmup) as f64 / length).min(1.0);
        self.floor + 0.5 * (self.peak - self.floor) * (1.0 + (std::f64::consts::PI * part).cos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_warms_up_falls_and_stays() {
        let schedule = Cosine {
            peak: 1.0,
            floor: 0.2,
            warmup: 4,
            total: 14,
        };
        assert_eq!(schedule.at(0), 0.25);
        assert_eq!(schedule.at(3), 1.0);
        assert_eq!(schedule.at(4), 1.0);
        assert!((schedule.at(9) - 0.6).abs() < 1e-12);
        assert!((schedule.at(14) - 0.2).abs() < 1e-12);
        assert_eq!(schedule.at(14), schedule.at(1000));
        let steps: Vec<f64> = (4..=14).map(|step| schedule.at(step)).collect();
        assert!(steps.windows(2).all(|pair| pair[1] < pair[0]));
    }

    #[test]
    fn without_steps_it_is_still_a_number() {
        assert_eq!(
            Cosine {
                peak: 1.0,
                floor: 0.0,
                warmup: 0,
                total: 0
            }
            .at(0),
            1.0
        );
    }
}
