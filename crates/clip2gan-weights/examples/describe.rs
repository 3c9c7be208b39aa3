//! Tells what is in a checkpoint, without reading its arrays.
//!
//! `cargo run -p clip2gan-weights --example describe -- FILE`

use std::process::ExitCode;

use clip2gan_weights::describe;

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: describe FILE");
        return ExitCode::from(2);
    };
    match describe(path) {
        Ok(found) => {
            println!(
                "{}, {} elements: {}",
                found.format,
                found.elements(),
                found.family
            );
            for (key, module) in &found.modules {
                println!("module {key}: {} {}", module.class, module.init_kwargs);
            }
            for (key, value) in &found.values {
                println!("{key} = {value}");
            }
            for (key, info) in &found.arrays {
                println!("{key}: {} {:?}", info.dtype, info.shape);
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
