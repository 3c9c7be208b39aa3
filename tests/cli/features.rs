//! Pictures and texts in CLIP's space: `embed` and `classify`.

use std::fs;
use std::path::Path;

use crate::support::{bundle, clip2gan, clip2gan_in};

const PROMPT: &str = "a smiling person with long red hair";

#[test]
fn embed_compares_pictures_and_texts() {
    let bundle = bundle();
    let (call, folder) = clip2gan(&["sample", PROMPT, "--bundle", &bundle, "--seed", "7"]);
    call.ok();
    let arguments = [
        "embed", "--bundle", &bundle, "--image", "out.png", "--text", PROMPT, "--text", PROMPT,
    ];
    let table = clip2gan_in(folder.path(), &arguments).ok().out;
    assert!(
        table.contains("image out.png") && table.contains(&format!("1.000  text {PROMPT}")),
        "{table}"
    );
    let json = clip2gan_in(folder.path(), &[&arguments[..], &["--json"]].concat())
        .ok()
        .json();
    let features = json["features"].as_array().unwrap();
    assert_eq!(features.len(), 3);
    for feature in features {
        let values = feature["feature"].as_array().unwrap();
        let square: f64 = values.iter().map(|v| v.as_f64().unwrap().powi(2)).sum();
        assert!((square - 1.0).abs() < 1e-4, "{square}");
    }
    assert_eq!(features[1]["feature"], features[2]["feature"]);
}

#[test]
fn folders_are_embedded_and_classified_in_batches() {
    let bundle = bundle();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("people").display().to_string();
    clip2gan(&[
        "dataset",
        "--out",
        &out,
        "--count",
        "40",
        "--resolution",
        "16",
    ])
    .0
    .ok();
    fs::write(folder.path().join("lines.txt"), "a person\n\na hat\n").unwrap();
    let all = [
        "embed",
        "--bundle",
        &bundle,
        "--image",
        "people",
        "--texts",
        "lines.txt",
    ];
    let told = clip2gan_in(folder.path(), &all).ok().out;
    assert!(told.starts_with("42 features of 32 numbers"), "{told}");
    let rows = clip2gan_in(
        folder.path(),
        &[&all[..], &["--npy", "features.npy"]].concat(),
    )
    .ok()
    .out;
    let first = format!(
        "0 image {}",
        Path::new("people").join("000000.png").display()
    );
    assert!(
        rows.starts_with(&first) && rows.ends_with("41 text a hat\n"),
        "{rows}"
    );

    // A row is what the picture gives alone.
    let file = fs::read(folder.path().join("features.npy")).unwrap();
    assert!(file.starts_with(b"\x93NUMPY") && file[..128].windows(9).any(|it| it == b"(42, 32,)"));
    let values = &file[file.len() - 42 * 32 * 4..];
    let picture = Path::new("people").join("000033.png").display().to_string();
    let alone = ["embed", "--bundle", &bundle, "--image", &picture, "--json"];
    let alone = clip2gan_in(folder.path(), &alone).ok().json();
    let alone = alone["features"][0]["feature"].as_array().unwrap().clone();
    for (a, b) in values[33 * 32 * 4..].chunks_exact(4).zip(&alone) {
        let a = f32::from_le_bytes(a.try_into().unwrap());
        assert!((f64::from(a) - b.as_f64().unwrap()).abs() < 1e-5);
    }

    let larger = [
        "embed",
        "--bundle",
        &bundle,
        "--image",
        &picture,
        "--json",
        "--image-size",
        "24",
    ];
    let larger = clip2gan_in(folder.path(), &larger).ok().json();
    assert_ne!(larger["features"][0]["feature"].as_array().unwrap(), &alone);
    let odd = [
        "embed",
        "--bundle",
        &bundle,
        "--image",
        &picture,
        "--image-size",
        "23",
    ];
    clip2gan_in(folder.path(), &odd).fails(1, &["image_size", "23"]);

    let labels = ["classify", "people", "a hat", "no hat", "--bundle", &bundle];
    let told = clip2gan_in(folder.path(), &labels).ok().out;
    assert_eq!(told.lines().count(), 40);
    let json = clip2gan_in(folder.path(), &[&labels[..], &["--json"]].concat()).ok();
    assert_eq!(json.out.lines().count(), 40);

    fs::write(folder.path().join("people/broken.png"), "no picture").unwrap();
    clip2gan_in(folder.path(), &labels).fails(1, &["broken.png", "expected a PNG"]);
    fs::create_dir(folder.path().join("empty")).unwrap();
    let empty = ["embed", "--bundle", &bundle, "--image", "empty"];
    clip2gan_in(folder.path(), &empty).fails(1, &["empty: no pictures"]);
}

#[test]
fn labels_are_ranked_by_their_probabilities() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = bundle();
    let sample = ["sample", "a person with red hair", "--seed", "1"];
    clip2gan_in(
        folder.path(),
        &[&sample[..], &["--bundle", &bundle]].concat(),
    )
    .ok();
    let labels = ["red hair", "black hair", "a hat"];
    let arguments = [&["classify", "out.png", "--bundle", &bundle], &labels[..]].concat();
    let told = |more: &[&str]| {
        let json = clip2gan_in(folder.path(), &[&arguments[..], more, &["--json"]].concat());
        let json = json.ok().json();
        let list = json["labels"].as_array().unwrap().clone();
        let probabilities = list.iter().map(|it| it["probability"].as_f64().unwrap());
        let probabilities: Vec<f64> = probabilities.collect();
        assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-5);
        assert!(
            probabilities.is_sorted_by(|a, b| a >= b),
            "{probabilities:?}"
        );
        assert_eq!(probabilities.len(), labels.len());
        probabilities
    };
    let plain = told(&[]);
    assert_eq!(plain, told(&["--template", "{}"]));
    assert_ne!(plain, told(&["--template", "a person with {}"]));
    let wrong = [&arguments[..], &["--template", "a person"]].concat();
    clip2gan_in(folder.path(), &wrong).fails(2, &["no place for the label", "{}"]);
}
