//! Draws the first avatars of a seed onto one sheet and prints their captions.
//!
//!     cargo run -p clip2gan-data --features avatars --example contact_sheet -- sheet.png 8 64

use clip2gan_data::{AvatarConfig, AvatarDataset, Dataset};
use image::{RgbImage, imageops};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().unwrap_or("sheet.png".into());
    let across: u32 = arguments.next().unwrap_or("8".into()).parse()?;
    let resolution: u32 = arguments.next().unwrap_or("64".into()).parse()?;

    let dataset = AvatarDataset::new(AvatarConfig {
        resolution,
        ..AvatarConfig::default()
    })?;
    let mut sheet = RgbImage::new(across * resolution, across * resolution);
    let start = std::time::Instant::now();
    for index in 0..across * across {
        let sample = dataset.get(index as usize)?;
        let (x, y) = (index % across * resolution, index / across * resolution);
        imageops::replace(&mut sheet, &sample.image, x.into(), y.into());
        println!("{index:3} {}", sample.caption.unwrap_or_default());
    }
    println!("{:.2?} for {} drawings", start.elapsed(), across * across);
    sheet.save(&file)?;
    println!("{file}");
    Ok(())
}
