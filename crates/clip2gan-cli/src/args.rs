//! The command line: each flag defined once, for parsing and for help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::seeds::{Seeds, parse_seed};

/// From a sentence to a picture: CLIP, a mapper and StyleGAN2.
#[derive(Debug, Parser)]
#[command(name = "clip2gan", version, propagate_version = true)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 wrong use.")]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Args, Clone, Debug)]
pub struct Global {
    /// Write results as JSON, one object a line
    #[arg(long, global = true)]
    pub json: bool,
    /// Print nothing but errors and what was asked for
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Where to compute: auto, cpu, wgpu[:N] or cuda[:N]
    #[arg(long, global = true, default_value = "auto", value_name = "DEVICE")]
    pub device: String,
    /// The seed of all randomness; drawn and printed when left out
    #[arg(long, global = true, value_name = "N", value_parser = parse_seed)]
    pub seed: Option<u64>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Draw pictures of a sentence
    Sample(Sample),
    /// Change a picture as a sentence says
    Edit(Edit),
    /// Draw pictures of given seeds with a generator of ours, NVlabs' or rosinality's, without any text
    Generate(Generate),
    /// Compare pictures and texts in CLIP's space
    Embed(Embed),
    /// Tell which of some labels a picture is
    Classify(Classify),
    /// Turn a checkpoint of another implementation into a model's folder
    Import(Import),
    /// Train one stage of a bundle
    Train(Train),
    /// Tell what a picture, bundle, model or weights file is
    Info(Info),
    /// Write pictures of the avatar data set with their captions
    #[command(hide = true)]
    Dataset(Dataset),
    /// Draw the sheets of the model card
    #[command(hide = true)]
    Sheets(Sheets),
}

/// Which bundle to use.
#[derive(Args, Clone, Debug)]
pub struct BundleArg {
    /// The bundle's folder [default: $CLIP2GAN_BUNDLE, else the nearest assets/]
    #[arg(long, value_name = "DIR")]
    pub bundle: Option<PathBuf>,
}

/// `clip2gan sample`
#[derive(Args, Debug)]
pub struct Sample {
    /// What the picture should show
    pub prompt: String,
    #[command(flatten)]
    pub bundle: BundleArg,
    /// How many pictures; their seeds count up from --seed
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub count: u32,
    /// From 0, the bundle's average picture, to 1, the full variety [default: the bundle's]
    #[arg(long, value_name = "PSI", value_parser = number, allow_negative_numbers = true)]
    pub truncation: Option<f64>,
    /// How freely to read the sentence: 0 takes it exactly [default: the bundle's]
    #[arg(long, value_name = "SCALE", value_parser = number, allow_negative_numbers = true)]
    pub feature_noise: Option<f64>,
    /// Mix the sentence's feature from so many of the bundle's remembered pictures that it describes best; 0 takes the
    /// sentence's own [default: the bundle's]
    #[arg(long, value_name = "N")]
    pub neighbours: Option<usize>,
    /// The PNG to write; several pictures become one sheet
    #[arg(long, short, default_value = "out.png", value_name = "FILE")]
    pub out: PathBuf,
    /// Write every picture to a file of its own, named after its seed
    #[arg(long)]
    pub separate: bool,
}

/// `clip2gan edit`
#[derive(Args, Debug)]
pub struct Edit {
    /// The picture to change (PNG, JPEG or WebP)
    pub picture: PathBuf,
    /// What it should show
    pub prompt: String,
    #[command(flatten)]
    pub bundle: BundleArg,
    /// How far to go: 0 only redraws the picture, below 0 goes the other way [default: the bundle's]
    #[arg(long, value_name = "ALPHA", value_parser = number, allow_negative_numbers = true)]
    pub strength: Option<f64>,
    /// What the change is measured from [default: the bundle's]
    #[arg(long, value_name = "TEXT")]
    pub neutral: Option<String>,
    /// The PNG to write
    #[arg(long, short, default_value = "edited.png", value_name = "FILE")]
    pub out: PathBuf,
}

/// `clip2gan generate`
#[derive(Args, Debug)]
pub struct Generate {
    /// A bundle's or generator's folder, or a checkpoint of NVlabs (.pkl) or rosinality (.pt) [default: the bundle]
    #[arg(long, value_name = "PATH")]
    pub network: Option<PathBuf>,
    /// Seeds such as 0,1,4-6 [default: --seed]
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    pub seeds: Option<Seeds>,
    /// The class to draw, counted from 0, for networks that have classes
    #[arg(long, value_name = "N")]
    pub class: Option<usize>,
    /// From 0, the average picture, over 1, the full variety, to exaggeration above it
    #[arg(long, default_value_t = 1.0, value_name = "PSI", value_parser = number, allow_negative_numbers = true)]
    pub trunc: f64,
    /// How many of the first layers --trunc applies to [default: all]
    #[arg(long, value_name = "LAYERS")]
    pub trunc_cutoff: Option<usize>,
    /// The noise that each layer adds
    #[arg(long, default_value = "const", value_name = "MODE")]
    pub noise_mode: Noise,
    /// Draw latents of a file instead: its array `w`, [pictures, layers, w_dim] or [pictures, w_dim]
    #[arg(long, value_name = "NPZ", conflicts_with_all = ["seeds", "class", "trunc", "trunc_cutoff"])]
    pub projected_w: Option<PathBuf>,
    /// Style mixing: seeds of the pictures that get other styles
    #[arg(long, value_name = "LIST", requires = "cols", conflicts_with_all = ["seeds", "projected_w"])]
    pub rows: Option<Seeds>,
    /// Style mixing: seeds of the pictures that lend their styles
    #[arg(long, value_name = "LIST", requires = "rows")]
    pub cols: Option<Seeds>,
    /// Style mixing: the layers whose styles are lent
    #[arg(long, value_name = "LIST", requires = "rows", default_value = "0-6")]
    pub styles: Seeds,
    /// What to write: pictures, or arrays [channels, height, width] in about -1..1
    #[arg(long, default_value = "png", value_name = "FORMAT")]
    pub format: Format,
    /// The folder for the files
    #[arg(long, default_value = "out", value_name = "DIR")]
    pub outdir: PathBuf,
}

/// What `generate` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Pictures that carry how they were made
    Png,
    /// NumPy arrays
    Npy,
}

/// `clip2gan import`
#[derive(Args, Debug)]
pub struct Import {
    /// A StyleGAN2 checkpoint of NVlabs (.pkl) or rosinality (.pt), or safetensors with the names of either
    pub checkpoint: PathBuf,
    /// The folder to write: the generator's config.json and model.safetensors, and discriminator/ with its own
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// The noise that each synthesis layer adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Noise {
    /// The generator's own fixed noise
    Const,
    /// Fresh noise for each seed
    Random,
    /// None
    None,
}

impl Noise {
    /// As it is written on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Const => "const",
            Self::Random => "random",
            Self::None => "none",
        }
    }
}

/// Which CLIP model, of the commands that need no more.
#[derive(Args, Debug)]
pub struct ClipArg {
    /// A CLIP model: a folder of ours, Hugging Face's or OpenCLIP's, OpenAI's .pt, or, in a build with the feature `hub`,
    /// hf:OWNER/NAME[@REVISION] [default: the bundle's]
    #[arg(long, value_name = "MODEL")]
    pub clip: Option<PathBuf>,
    /// Look at pictures at another size than the model was trained for, a multiple of its patches
    #[arg(long, value_name = "PX")]
    pub image_size: Option<usize>,
    #[command(flatten)]
    pub bundle: BundleArg,
}

/// `clip2gan embed`
#[derive(Args, Debug)]
pub struct Embed {
    #[command(flatten)]
    pub clip: ClipArg,
    /// A picture to embed, or a folder of pictures with its subfolders (may be repeated)
    #[arg(long, value_name = "PATH")]
    pub image: Vec<PathBuf>,
    /// A text to embed (may be repeated)
    #[arg(long, value_name = "TEXT")]
    pub text: Vec<String>,
    /// A file of texts, one a line (may be repeated)
    #[arg(long, value_name = "FILE")]
    pub texts: Vec<PathBuf>,
    /// Write the features to a NumPy array [items, embed_dim] of 32-bit floats, and print what its rows are
    #[arg(long, value_name = "FILE")]
    pub npy: Option<PathBuf>,
}

/// `clip2gan classify`
#[derive(Args, Debug)]
pub struct Classify {
    /// The picture (PNG, JPEG or WebP), or a folder of pictures with its subfolders
    pub picture: PathBuf,
    /// What it may be
    #[arg(required = true, value_name = "LABEL")]
    pub labels: Vec<String>,
    /// A sentence to put each label into, at {} (may be repeated: the features are averaged)
    #[arg(long, value_name = "TEXT")]
    pub template: Vec<String>,
    #[command(flatten)]
    pub clip: ClipArg,
}

/// `clip2gan train`
#[derive(Args, Debug)]
pub struct Train {
    /// The stage to train
    pub stage: Stage,
    /// The run's settings; see xtask/presets/ for examples
    #[arg(long, value_name = "TOML")]
    pub config: PathBuf,
    /// The run's folder [default: runs/NAME with the config's name]
    #[arg(long, value_name = "DIR")]
    pub run: Option<PathBuf>,
    /// Go on where the stage stopped; does nothing if it is finished
    #[arg(long)]
    pub resume: bool,
    /// Print the settings as they were understood, and stop
    #[arg(long)]
    pub dry_run: bool,
}

/// The stages of a bundle, each of which needs those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Stage {
    /// CLIP, from pictures and captions
    Clip,
    /// The StyleGAN2 generator, from pictures
    Gan,
    /// The mapper from CLIP's features to the generator's latents
    Mapper,
    /// Not trained: puts the three together in one folder
    Bundle,
    /// One after the other
    All,
}

/// `clip2gan info`
#[derive(Args, Debug)]
pub struct Info {
    /// A picture that this program wrote, a bundle, a model's folder, or weights (.safetensors, .pt, .pth, .bin, .pkl)
    pub path: PathBuf,
}

/// `clip2gan dataset`
#[derive(Args, Debug)]
pub struct Dataset {
    /// The folder to write
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// How many pictures
    #[arg(long, default_value_t = 64, value_name = "N")]
    pub count: u64,
    /// The pictures' side in pixels
    #[arg(long, default_value_t = 64, value_name = "PX", value_parser = clap::value_parser!(u32).range(8..=2048))]
    pub resolution: u32,
}

/// `clip2gan sheets`
#[derive(Args, Debug)]
pub struct Sheets {
    /// The folder for prompts.png and edits.png
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    #[command(flatten)]
    pub bundle: BundleArg,
}

fn number(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err("expected a number such as 0.8".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn only_finite_numbers_are_numbers() {
        assert_eq!(number("-0.7"), Ok(-0.7));
        for bad in ["nan", "inf", "x", ""] {
            assert!(number(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn global_options_stand_anywhere() {
        let cli = Cli::parse_from(["clip2gan", "--json", "sample", "a", "--seed", "7"]);
        assert!(cli.global.json);
        assert_eq!(cli.global.seed, Some(7));
    }
}
