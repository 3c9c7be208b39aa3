//! A case: what is run, on which inputs.

use std::fmt;
use std::time::{Duration, Instant};

use clip2gan_clip::ClipConfig;
use clip2gan_stylegan2::GeneratorConfig;
use clip2gan_stylegan2::train::TrainConfig;
use clip2gan_weights::Arrays;
use serde::Serialize;

use crate::{Cost, Error, Result, clip, conv, generate, train_step};

/// The names of the groups, in the order in which they run.
pub const GROUPS: [&str; 4] = ["conv", "generate", "train-step", "clip"];

/// How large the cases are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// As they are reported.
    Full,
    /// As small as can be: to see that everything runs, in seconds.
    Tiny,
}

/// What is run. The twins get this as JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "task", rename_all = "snake_case")]
pub enum Task {
    /// A 3×3 convolution that keeps size and channels.
    Conv {
        /// Images.
        batch: usize,
        /// Channels in and out.
        channels: usize,
        /// Side of the map.
        size: usize,
        /// Whether both gradients are computed as well.
        backward: bool,
    },
    /// A synthesis network: latents to images, with the network's constant noise.
    Synthesis {
        /// Images.
        batch: usize,
        /// Sizes of the generator.
        generator: GeneratorConfig,
        /// Whether its weights are those in `assets/`; else they are drawn.
        shipped: bool,
    },
    /// As many training steps as there are between two of R1.
    TrainStep {
        /// The run's settings.
        config: TrainConfig,
    },
    /// CLIP's image encoder: pixels to features.
    ClipImage {
        /// Images.
        batch: usize,
        /// Sizes of the model.
        clip: ClipConfig,
    },
    /// CLIP's text encoder: token ids to features, at the full context length.
    ClipText {
        /// Texts.
        batch: usize,
        /// Sizes of the model.
        clip: ClipConfig,
    },
}

/// A named [`Task`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Case {
    /// One of [`GROUPS`].
    pub group: &'static str,
    /// Unique in its group.
    pub name: String,
    /// What is run.
    #[serde(flatten)]
    pub task: Task,
}

/// A case that is ready to run.
pub trait Work {
    /// Runs it once. What it gives is dropped here, within the time that is measured.
    ///
    /// # Errors
    /// If training fails.
    fn run(&mut self) -> Result<()>;

    /// Runs it once and gives what a twin must give as well; `None` where there is nothing to compare.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    fn result(&mut self) -> Result<Option<Vec<f32>>>;

    /// Inputs and weights, for twins.
    fn arrays(&self) -> Arrays;
}

impl Case {
    /// Loads or draws weights and inputs.
    ///
    /// # Errors
    /// If the weights in `assets/` cannot be read.
    pub fn prepare(&self) -> Result<Box<dyn Work>> {
        Ok(match &self.task {
            &Task::Conv {
                batch,
                channels,
                size,
                backward,
            } => Box::new(conv::Conv::new(batch, channels, size, backward)),
            Task::Synthesis {
                batch,
                generator,
                shipped,
            } => Box::new(generate::Synthesis::new(*batch, generator, *shipped)?),
            Task::TrainStep { config } => Box::new(train_step::TrainStep::new(config)),
            Task::ClipImage { batch, clip } => Box::new(clip::Image::new(*batch, clip)),
            Task::ClipText { batch, clip } => Box::new(clip::Text::new(*batch, clip)),
        })
    }

    /// Arithmetic and traffic of one step.
    pub fn cost(&self) -> Cost {
        match &self.task {
            &Task::Conv {
                batch,
                channels,
                size,
                backward,
            } => conv::cost(batch, channels, size, backward),
            Task::Synthesis {
                batch, generator, ..
            } => generate::synthesis_cost(*batch, generator),
            Task::TrainStep { config } => train_step::cost(config),
            Task::ClipImage { batch, clip } => clip::image_cost(*batch, clip),
            Task::ClipText { batch, clip } => clip::text_cost(*batch, clip),
        }
    }

    /// Steps in one run; times are reported per step.
    pub fn steps(&self) -> u64 {
        match &self.task {
            Task::TrainStep { config } => config.r1_interval,
            _ => 1,
        }
    }

    /// The median time of a step over one turn: after an untimed run if `warm`, runs until `at_least` has passed.
    ///
    /// # Errors
    /// As [`Work::run`].
    pub fn turn(&self, work: &mut dyn Work, warm: bool, at_least: Duration) -> Result<f64> {
        if warm {
            work.run()?;
        }
        let begin = Instant::now();
        let mut times = Vec::new();
        while times.is_empty() || begin.elapsed() < at_least {
            let start = Instant::now();
            work.run()?;
            times.push(start.elapsed().as_secs_f64() * 1e3 / self.steps() as f64);
        }
        Ok(crate::turns::median(&times))
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}", self.name)
    }
}

/// All cases, in the order in which they run.
///
/// # Errors
/// If the sizes of the bundle in `assets/` or of the avatars preset cannot be read.
pub fn cases(scale: Scale) -> Result<Vec<Case>> {
    let mut cases = conv::cases(scale);
    cases.extend(generate::cases(scale)?);
    cases.extend(train_step::cases(scale)?);
    cases.extend(clip::cases(scale));
    Ok(cases)
}

/// The cases of a group (or of all) whose name contains `part`.
///
/// # Errors
/// [`Error::NoCase`], which lists what there is.
pub fn select(cases: Vec<Case>, group: Option<&str>, part: &str) -> Result<Vec<Case>> {
    let fits =
        |case: &&Case| group.is_none_or(|group| case.group == group) && case.name.contains(part);
    let chosen: Vec<Case> = cases.iter().filter(fits).cloned().collect();
    if !chosen.is_empty() {
        return Ok(chosen);
    }
    let known = cases.iter().map(|case| format!("  {} {case}", case.group));
    Err(Error::NoCase {
        group: group.unwrap_or("").into(),
        case: part.into(),
        known: known.collect::<Vec<_>>().join("\n"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_runs_and_is_counted() {
        for case in cases(Scale::Tiny).unwrap() {
            let cost = case.cost();
            assert!(cost.flops > 0.0 && cost.bytes > 0.0, "{case}: {cost:?}");
            let mut work = case.prepare().unwrap();
            let time = case.turn(&mut *work, false, Duration::ZERO).unwrap();
            assert!(time > 0.0, "{case}");
            if let Some(values) = work.result().unwrap() {
                assert!(!values.is_empty(), "{case}");
                assert!(values.iter().all(|value| value.is_finite()), "{case}");
            }
            assert!(!work.arrays().is_empty(), "{case}");
        }
    }

    #[test]
    fn both_scales_have_the_same_groups_and_names_are_unique() {
        let full = cases(Scale::Full).unwrap();
        let mut names: Vec<_> = full.iter().map(|case| (case.group, &case.name)).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), full.len());
        for group in GROUPS {
            assert!(full.iter().any(|case| case.group == group), "{group}");
            let tiny = cases(Scale::Tiny).unwrap();
            assert!(tiny.iter().any(|case| case.group == group), "{group}");
        }
    }

    #[test]
    fn a_choice_of_nothing_lists_what_there_is() {
        let all = cases(Scale::Full).unwrap();
        assert_eq!(select(all.clone(), Some("clip"), "").unwrap().len(), 2);
        let error = select(all, Some("conv"), "nothing")
            .unwrap_err()
            .to_string();
        assert!(error.contains("8×512×16² forward"), "{error}");
    }
}
