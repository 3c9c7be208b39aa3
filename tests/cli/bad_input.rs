//! Whatever a user may get wrong: the exit code, what is said, and that nothing is written.

use std::fs;

use crate::support::{bundle, clip2gan, clip2gan_in};

const PROMPT: &str = "a person";

#[test]
fn wrong_use_ends_with_2() {
    for (arguments, parts) in [
        (&[][..], ["Usage", "sample"]),
        (&["paint", "a cat"], ["paint", "unrecognized subcommand"]),
        (&["sample"], ["PROMPT", "required"]),
        (
            &["sample", PROMPT, "--colour", "red"],
            ["--colour", "unexpected argument"],
        ),
        (
            &["sample", PROMPT, "--seed", "many"],
            ["--seed", "a whole number from 0"],
        ),
        (&["sample", PROMPT, "--seed", "-1"], ["-1", "tip"]),
        (&["sample", PROMPT, "--count", "0"], ["--count", "1..=256"]),
        (
            &["sample", PROMPT, "--truncation", "half"],
            ["--truncation", "a number such as 0.8"],
        ),
        (
            &["sample", PROMPT, "--device", "abacus"],
            ["device 'abacus'", "expected: auto, cpu"],
        ),
        (
            &["sample", PROMPT, "--out", "out.jpg"],
            ["out.jpg", "ends in .png"],
        ),
        (&["generate", "--seeds", "9-2"], ["--seeds", "2-9"]),
        (
            &["generate", "--noise-mode", "loud"],
            ["--noise-mode", "const, random, none"],
        ),
        (&["embed"], ["nothing to embed", "--text"]),
        (
            &["train", "everything", "--config", "x"],
            ["everything", "clip, gan, mapper"],
        ),
    ] {
        let (call, folder) = clip2gan(arguments);
        call.fails(2, &parts);
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            0,
            "{arguments:?}"
        );
    }
}

#[cfg(not(feature = "cuda"))]
#[test]
fn a_device_that_was_not_built_is_wrong_use() {
    let (call, _folder) = clip2gan(&["sample", PROMPT, "--device", "cuda:0"]);
    call.fails(2, &["built without cuda", "--features cuda"]);
}

#[test]
fn missing_and_broken_files_end_with_1() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("text.png"), "no picture").unwrap();
    fs::write(folder.path().join("text.txt"), "no picture").unwrap();
    fs::write(folder.path().join("bad.safetensors"), "no weights").unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    for (arguments, parts) in [
        (
            &["sample", PROMPT, "--bundle", "nowhere"][..],
            ["--bundle: nowhere does not exist", "bundle.json"],
        ),
        (
            &["sample", PROMPT, "--bundle", "empty"],
            ["empty is not a bundle", "bundle.json"],
        ),
        (
            &["generate", "--network", "empty"],
            ["no generator in empty", "config.json"],
        ),
        (
            &["embed", "--clip", "empty", "--text", PROMPT],
            ["empty", "config.json"],
        ),
        (
            &["embed", "--clip", "hf:openai/clip", "--text", PROMPT],
            ["without the hub", "--features hub"],
        ),
        (&["edit", "none.png", PROMPT], ["none.png", "No such file"]),
        (
            &["edit", "text.png", PROMPT],
            ["text.png", "expected a PNG, JPEG or WebP"],
        ),
        (&["info", "none.png"], ["none.png", "No such file"]),
        (
            &["info", "text.txt"],
            ["it begins as neither", "a PNG, a bundle"],
        ),
        (&["info", "empty"], ["an unknown folder", "a PNG, a bundle"]),
        (&["info", "bad.safetensors"], ["bad.safetensors", "error"]),
        (
            &["train", "gan", "--config", "none.toml"],
            ["none.toml", "No such file"],
        ),
    ] {
        clip2gan_in(folder.path(), arguments).fails(1, &parts);
    }
}

#[test]
fn a_broken_bundle_names_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let call = || clip2gan_in(folder.path(), &["sample", PROMPT, "--bundle", "."]);
    fs::write(folder.path().join("bundle.json"), "{").unwrap();
    call().fails(1, &["bundle.json", "expected"]);
    fs::write(
        folder.path().join("bundle.json"),
        r#"{"format": 99, "name": "x"}"#,
    )
    .unwrap();
    call().fails(1, &["format: expected 1", "found 99"]);
    fs::write(
        folder.path().join("bundle.json"),
        r#"{"format": 1, "name": "x"}"#,
    )
    .unwrap();
    call().fails(1, &["clip/config.json", "is missing"]);
}

#[test]
fn options_that_the_bundle_cannot_follow_end_with_2() {
    let bundle = bundle();
    for (arguments, parts) in [
        (
            &["sample", ""][..],
            ["prompt cannot be \"\"", "a sentence such as"],
        ),
        (
            &["sample", "!!! ..."],
            ["prompt cannot be", "a sentence such as"],
        ),
        (
            &["sample", PROMPT, "--truncation", "-3"],
            ["truncation cannot be -3", "0 to 1"],
        ),
        (
            &["sample", PROMPT, "--feature-noise", "-1"],
            ["feature_noise", "from 0"],
        ),
        (
            &[
                "sample",
                PROMPT,
                "--count",
                "2",
                "--seed",
                "18446744073709551615",
            ],
            ["seed", "at most"],
        ),
    ] {
        let (call, folder) = clip2gan(&[arguments, &["--bundle", &bundle]].concat());
        call.fails(2, &parts);
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            0,
            "{arguments:?}"
        );
    }
}

#[test]
fn a_generators_seed_has_32_bits_as_upstream() {
    let (call, folder) = clip2gan(&[
        "generate",
        "--network",
        &bundle(),
        "--seeds",
        "1,4294967296",
    ]);
    call.fails(2, &["seed 4294967296 is too large", "at most 4294967295"]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn errors_are_json_where_json_was_asked_for() {
    let (call, _folder) = clip2gan(&["sample", PROMPT, "--bundle", "nowhere", "--json"]);
    call.fails(1, &[]);
    let error: serde_json::Value = serde_json::from_str(&call.err).unwrap();
    assert_eq!(error["error"]["code"], 1);
    assert!(error["error"]["what"].as_str().unwrap().contains("nowhere"));
}
