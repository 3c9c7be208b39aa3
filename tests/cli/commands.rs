//! What each command does with a bundle.

use std::fs;

use crate::support::{bundle, clip2gan, clip2gan_in};

const PROMPT: &str = "a smiling person with long red hair";

#[test]
fn sample_says_what_it_did_and_the_picture_says_how() {
    let bundle = bundle();
    let (call, folder) = clip2gan(&["sample", PROMPT, "--bundle", &bundle, "--seed", "7"]);
    let call = call.ok();
    assert!(
        call.out.starts_with("out.png (seed 7, drawn in "),
        "{}",
        call.out
    );
    let picture = image::open(folder.path().join("out.png")).unwrap();
    assert_eq!((picture.width(), picture.height()), (16, 16));

    let info = clip2gan_in(folder.path(), &["info", "out.png"]).ok().out;
    for part in [
        "sample",
        PROMPT,
        "seed:        7",
        "bundle hash: ",
        "truncation",
    ] {
        assert!(info.contains(part), "no {part:?} in {info}");
    }
    let recipe = clip2gan_in(folder.path(), &["info", "out.png", "--json"])
        .ok()
        .json();
    let hash = clip2gan_in(folder.path(), &["info", &bundle, "--json"])
        .ok()
        .json();
    assert_eq!(recipe["recipe"]["bundle_hash"], hash["hash"]);
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_does_not() {
    let bundle = bundle();
    let draw = |seed: &str| {
        let (call, folder) = clip2gan(&["sample", PROMPT, "--bundle", &bundle, "--seed", seed]);
        call.ok();
        fs::read(folder.path().join("out.png")).unwrap()
    };
    let first = draw("7");
    assert!(first == draw("7"));
    assert!(first != draw("8"));
}

#[test]
fn a_drawn_seed_is_told_and_draws_the_same_again() {
    let bundle = bundle();
    let arguments = ["sample", PROMPT, "--bundle", &bundle, "--json"];
    let (call, folder) = clip2gan(&arguments);
    let seed = call.ok().json()["seeds"][0].to_string();
    let (again, other) = clip2gan(&[&arguments[..], &["--seed", &seed]].concat());
    again.ok();
    let bytes = |folder: &tempfile::TempDir| fs::read(folder.path().join("out.png")).unwrap();
    assert!(bytes(&folder) == bytes(&other));
}

#[test]
fn several_pictures_become_a_sheet_or_files() {
    let bundle = bundle();
    let common = [
        "sample", PROMPT, "--bundle", &bundle, "--seed", "3", "--count", "4",
    ];
    let (call, folder) = clip2gan(&[&common[..], &["--out", "a/sheet.png"]].concat());
    call.ok();
    let sheet = image::open(folder.path().join("a/sheet.png"))
        .unwrap()
        .to_rgb8();
    assert_eq!(sheet.dimensions(), (32, 32));

    let (call, folder) = clip2gan(&[&common[..], &["--separate"]].concat());
    call.ok();
    // Seed 4's own picture stands second on the sheet.
    let single = image::open(folder.path().join("out-4.png"))
        .unwrap()
        .to_rgb8();
    let part = image::imageops::crop_imm(&sheet, 16, 0, 16, 16).to_image();
    let distance = |a: u8, b: u8| a.abs_diff(b);
    let worst = single
        .iter()
        .zip(part.iter())
        .map(|(a, b)| distance(*a, *b))
        .max();
    assert!(worst.unwrap() <= 1, "{worst:?}");
    assert!(folder.path().join("out-6.png").is_file());
}

#[test]
fn words_that_were_never_seen_are_named() {
    let (call, _folder) = clip2gan(&["sample", "a purple xylophone", "--bundle", &bundle()]);
    let call = call.ok();
    assert!(
        call.err.contains("note: ") && call.err.contains("'xylophone'"),
        "{}",
        call.err
    );
    let (quiet, _folder) = clip2gan(&[
        "sample",
        "a purple xylophone",
        "--bundle",
        &bundle(),
        "--quiet",
    ]);
    let quiet = quiet.ok();
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("", ""));
}

#[test]
fn the_environment_and_assets_name_bundles_too() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("some/where");
    fs::create_dir_all(&inner).unwrap();
    copy(bundle().as_ref(), &folder.path().join("assets"));
    clip2gan_in(&inner, &["sample", PROMPT, "--json"]).ok();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_clip2gan"))
        .args(["sample", PROMPT])
        .current_dir(&inner)
        .env("CLIP2GAN_BUNDLE", "nowhere")
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(
        error.contains("CLIP2GAN_BUNDLE: nowhere does not exist"),
        "{error}"
    );
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

#[test]
fn edit_redraws_at_strength_0_and_changes_above_it() {
    let bundle = bundle();
    let folder = tempfile::tempdir().unwrap();
    let photo = image::RgbImage::from_fn(40, 30, |x, y| image::Rgb([6 * x as u8, 8 * y as u8, 90]));
    photo.save(folder.path().join("photo.jpg")).unwrap();
    let edit = |strength: &str| {
        clip2gan_in(
            folder.path(),
            &[
                "edit",
                "photo.jpg",
                "wearing sunglasses",
                "--bundle",
                &bundle,
                "--seed",
                "1",
                "--strength",
                strength,
                "--neutral",
                "a person",
                "--out",
                "edited.png",
            ],
        )
        .ok();
        image::open(folder.path().join("edited.png"))
            .unwrap()
            .to_rgb8()
    };
    let redrawn = edit("0");
    assert_eq!(redrawn.dimensions(), (16, 16));
    assert!(redrawn != edit("50"));
    let info = clip2gan_in(folder.path(), &["info", "edited.png"]).ok().out;
    for part in ["edit", "wearing sunglasses", "strength:", "neutral:"] {
        assert!(info.contains(part), "no {part:?} in {info}");
    }
}

#[test]
fn generate_draws_a_file_a_seed() {
    let bundle = bundle();
    let generator = format!("{bundle}/generator");
    let arguments = [
        "generate",
        "--seeds",
        "0-1,5",
        "--trunc",
        "0.7",
        "--noise-mode",
        "const",
        "--outdir",
        "out",
    ];
    let (call, folder) = clip2gan(&[&arguments[..], &["--network", &bundle]].concat());
    call.ok();
    let (call, other) = clip2gan(&[&arguments[..], &["--network", &generator]].concat());
    call.ok();
    for file in ["seed0000.png", "seed0001.png", "seed0005.png"] {
        let [one, two] =
            [&folder, &other].map(|f| image::open(f.path().join("out").join(file)).unwrap());
        assert_eq!(one, two, "a bundle's generator is the bundle's generator");
    }
    let info = clip2gan_in(folder.path(), &["info", "out/seed0005.png"])
        .ok()
        .out;
    assert!(
        info.contains("seed:        5") && info.contains("noise-mode") && info.contains("smoke"),
        "{info}"
    );
}

#[test]
fn info_knows_bundles_models_and_weights() {
    let bundle = bundle();
    let info = |path: &str| clip2gan(&["info", path]).0.ok().out;
    assert!(info(&bundle).contains("pictures:    16×16"));
    let model = info(&format!("{bundle}/generator"));
    assert!(
        model.contains("w_dim") && model.contains("arrays"),
        "{model}"
    );
    assert!(info(&format!("{bundle}/mapper/model.safetensors")).contains("w_avg"));
    let fixtures = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/stylegan2"
    );
    for (file, parts) in [
        (
            "nv32.pkl",
            [
                "pickle",
                "NVlabs",
                "G_ema.mapping.fc0.weight F32 [32, 32]",
                "\"mbstd_group_size\":4",
            ],
        ),
        (
            "ros32.pt",
            [
                "PyTorch",
                "rosinality",
                "g_ema.conv1.conv.weight F32",
                "generator {",
            ],
        ),
        (
            "nv32_g.safetensors",
            [
                "safetensors",
                "NVlabs",
                "mapping.w_avg F32 [32]",
                "\"resolution\":32",
            ],
        ),
    ] {
        let told = info(&format!("{fixtures}/{file}"));
        for part in parts {
            assert!(told.contains(part), "no {part:?} in {told}");
        }
    }
}

#[test]
fn dataset_writes_pictures_with_captions() {
    let (call, folder) = clip2gan(&[
        "dataset",
        "--out",
        "d",
        "--count",
        "3",
        "--resolution",
        "32",
        "--seed",
        "1",
    ]);
    call.ok();
    let captions = fs::read_to_string(folder.path().join("d/captions.jsonl")).unwrap();
    assert_eq!(captions.lines().count(), 3);
    assert_eq!(fs::read_dir(folder.path().join("d")).unwrap().count(), 4);
}

#[test]
fn the_model_cards_sheets_show_every_prompt_and_edit() {
    let (call, folder) = clip2gan(&["sheets", "--bundle", &bundle(), "--out", "sheets", "--json"]);
    let json = call.ok().json();
    for (file, list, rows, columns) in [
        ("prompts.png", "prompts", 8, 9),
        ("edits.png", "edits", 8, 5),
    ] {
        let sheet = image::open(folder.path().join("sheets").join(file)).unwrap();
        let side = sheet.height() / rows;
        assert_eq!(
            (sheet.width(), sheet.height()),
            (columns * side, rows * side)
        );
        assert!(json[list].as_array().is_some_and(|list| list.len() >= 8));
    }
}
