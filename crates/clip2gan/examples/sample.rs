//! Draws one picture: `cargo run -p clip2gan --example sample -- BUNDLE "a person with red hair" out.png`

use std::error::Error;

use clip2gan::{Bundle, SampleOptions, device, png};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(prompt), Some(out)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("usage: sample BUNDLE PROMPT OUT.png".into());
    };
    let bundle = Bundle::load(folder, &device::pick("cpu")?)?;
    let sampled = bundle.sample(&SampleOptions::new(prompt, 7))?;
    for note in &sampled.notes {
        eprintln!("note: {note}");
    }
    png::write(&out, &sampled.images[0], &sampled.recipes[0])?;
    println!("{out}\n{}", sampled.recipes[0]);
    Ok(())
}
