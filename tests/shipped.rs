//! The binary on the shipped bundle: a sentence becomes a picture that answers it.

use std::path::Path;
use std::process::Command;

use image::RgbImage;
use serde_json::Value;

/// Calls the program without naming a bundle, from a folder that has none, and reads its JSON.
fn clip2gan(folder: &Path, arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_clip2gan"))
        .args(arguments)
        .args(["--json", "--device", "cpu"])
        .current_dir(folder)
        .env_remove("CLIP2GAN_BUNDLE")
        .output()
        .expect("the program starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn draw(folder: &Path, prompt: &str, seed: &str) -> RgbImage {
    clip2gan(folder, &["sample", prompt, "--seed", seed]);
    image::open(folder.join("out.png")).unwrap().to_rgb8()
}

/// Mean of red minus mean of blue over the picture, over some seeds.
fn warmth(folder: &Path, prompt: &str) -> f64 {
    let seeds = ["0", "1", "2", "3"];
    let sum: f64 = seeds
        .iter()
        .map(|seed| {
            let picture = draw(folder, prompt, seed);
            let difference: f64 = picture
                .pixels()
                .map(|p| f64::from(p[0]) - f64::from(p[2]))
                .sum();
            difference / f64::from(picture.width() * picture.height())
        })
        .sum();
    sum / seeds.len() as f64
}

#[test]
fn the_default_bundle_is_found_and_small_enough() {
    let folder = tempfile::tempdir().unwrap();
    let picture = draw(
        folder.path(),
        "a smiling person with long red hair and round glasses",
        "7",
    );
    assert_eq!(picture.dimensions(), (64, 64));
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets");
    let parts = ["clip", "mapper", "generator"];
    let bytes: u64 = parts
        .iter()
        .flat_map(|part| std::fs::read_dir(assets.join(part)).unwrap())
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert!(bytes <= 24 << 20, "{bytes} bytes");
}

#[test]
fn the_words_of_the_readme_are_known() {
    let folder = tempfile::tempdir().unwrap();
    let json = clip2gan(
        folder.path(),
        &[
            "sample",
            "a smiling person with long red hair and round glasses",
        ],
    );
    assert_eq!(json["notes"], serde_json::json!([]));
}

#[test]
fn colours_answer_the_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let red = warmth(folder.path(), "a person in a red hoodie");
    let blue = warmth(folder.path(), "a person in a blue hoodie");
    assert!(red > blue + 10.0, "red {red:.1}, blue {blue:.1}");
}

#[test]
fn seeds_give_different_pictures_of_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two] = ["0", "1"].map(|seed| draw(folder.path(), "a person with black hair", seed));
    let difference: f64 = one
        .iter()
        .zip(two.iter())
        .map(|(a, b)| f64::from(a.abs_diff(*b)))
        .sum();
    assert!(difference / one.len() as f64 > 2.0, "{difference}");
}

#[test]
fn strength_moves_a_picture_further() {
    let folder = tempfile::tempdir().unwrap();
    draw(folder.path(), "a person with black hair", "0");
    std::fs::rename(
        folder.path().join("out.png"),
        folder.path().join("photo.png"),
    )
    .unwrap();
    let edited = ["0", "0.5", "1.5"].map(|strength| {
        clip2gan(
            folder.path(),
            &[
                "edit",
                "photo.png",
                "a person with pink hair",
                "--strength",
                strength,
                "--seed",
                "0",
            ],
        );
        image::open(folder.path().join("edited.png"))
            .unwrap()
            .to_rgb8()
    });
    let distance = |other: &RgbImage| -> u64 {
        let pairs = edited[0].iter().zip(other.iter());
        pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum()
    };
    let (half, more) = (distance(&edited[1]), distance(&edited[2]));
    assert!(0 < half && half < more, "{half}, {more}");
}
