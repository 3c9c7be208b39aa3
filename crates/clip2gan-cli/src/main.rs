//! The clip2gan command: sample, edit, generate, embed, classify, import, train, info.
//!
//! This crate is the only one that has heard of terminals, environment variables and devices' names; what it does beyond
//! that is in the libraries below it.

mod args;
mod bundle;
mod commands;
mod console;
mod error;
mod hub;
mod network;
mod npy;
mod picture;
mod seeds;
mod train;

use std::process::ExitCode;

use clap::Parser;
use clip2gan_kernels::keep_freed_memory;

use args::{Cli, Command};
use commands::Context;

fn main() -> ExitCode {
    keep_freed_memory();
    // Wrong options end here, with exit 2 and clap's advice.
    let cli = Cli::parse();
    let json = cli.global.json;
    let context = Context::new(cli.global);
    let outcome = match cli.command {
        Command::Sample(options) => commands::sample::run(&context, &options),
        Command::Edit(options) => commands::edit::run(&context, &options),
        Command::Generate(options) => commands::generate::run(&context, &options),
        Command::Embed(options) => commands::embed::run(&context, &options),
        Command::Classify(options) => commands::classify::run(&context, &options),
        Command::Import(options) => commands::import::run(&context, &options),
        Command::Train(options) => train::run(&context, &options),
        Command::Info(options) => commands::info::run(&context, &options),
        Command::Dataset(options) => commands::dataset::run(&context, &options),
        Command::Sheets(options) => commands::sheets::run(&context, &options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            match json {
                true => eprintln!("{}", failure.to_json()),
                false => eprintln!("{failure}"),
            }
            ExitCode::from(failure.code)
        }
    }
}
