//! The smoke preset: data set, CLIP, StyleGAN2, mapper, bundle.

use std::fs;

use serde_json::Value;

use crate::support::{clip2gan, repository, smoke_run, train};

#[test]
fn every_stage_leaves_what_it_promises() {
    let run = smoke_run();
    for stage in ["clip", "gan", "mapper"] {
        let folder = run.join(stage);
        assert!(folder.join("model/model.safetensors").is_file(), "{stage}");
        let samples = fs::read_dir(folder.join("samples")).map_or(0, Iterator::count);
        assert!(samples > 0 || stage == "clip", "{stage} drew no samples");
        let stats = fs::read_to_string(folder.join("stats.jsonl")).unwrap();
        let last: Value = serde_json::from_str(stats.lines().last().unwrap()).unwrap();
        assert!(last["step"].as_u64().unwrap() > 1, "{stage}: {last}");
        let done = fs::read_to_string(run.join("done").join(format!("{stage}.json"))).unwrap();
        let done: Value = serde_json::from_str(&done).unwrap();
        assert!(done["seconds"].as_f64().unwrap() > 0.0);
        assert!(done["figures"].is_object(), "{done}");
    }
    assert!(run.join("run.toml").is_file());
    let attribution = fs::read_to_string(run.join("bundle/ATTRIBUTION.md")).unwrap();
    assert!(attribution.contains("Pablo Stanley"), "{attribution}");
}

#[test]
fn what_is_finished_is_passed_over() {
    let weights = smoke_run().join("gan/model/model.safetensors");
    let before = fs::metadata(&weights).unwrap().modified().unwrap();
    let again = train(smoke_run(), "all", &["--resume"]).ok();
    for stage in ["clip", "gan", "mapper", "bundle"] {
        assert!(
            again.err.contains(&format!("{stage}: finished before")),
            "{}",
            again.err
        );
    }
    assert_eq!(fs::metadata(&weights).unwrap().modified().unwrap(), before);
    train(smoke_run(), "gan", &[]).fails(1, &["is finished", "--resume"]);
    // Another seed is another run.
    train(smoke_run(), "gan", &["--resume", "--seed", "99"])
        .fails(1, &["other settings", "another --run"]);
}

#[test]
fn the_same_settings_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), "gan", &["--quiet"]).ok();
    let weights = "gan/model/model.safetensors";
    let [first, second] =
        [smoke_run(), folder.path()].map(|run| fs::read(run.join(weights)).unwrap());
    assert!(first == second, "two runs of one seed differ");
}

#[test]
fn a_killed_run_goes_on_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let config = fs::read_to_string(repository("xtask/presets/smoke.toml")).unwrap();
    // A checkpoint after every step; how often they are written decides nothing about the result.
    let config = config.replace("[gan]", "[gan]\ncheckpoint_seconds = 0");
    let path = folder.path().join("run.toml");
    fs::write(&path, config).unwrap();
    let run = folder.path().join("run");
    let arguments = ["train", "gan", "--resume", "--device", "cpu", "--config"];
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_clip2gan"));
    command.args(arguments).arg(&path).arg("--run").arg(&run);
    command.stderr(std::process::Stdio::null());

    let mut child = command.spawn().unwrap();
    let begun = |entry: std::io::Result<fs::DirEntry>| {
        entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("step-"))
    };
    while !fs::read_dir(run.join("gan/checkpoints")).is_ok_and(|mut all| all.any(begun)) {
        assert!(
            child.try_wait().unwrap().is_none(),
            "ended without a checkpoint"
        );
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        !run.join("done/gan.json").exists(),
        "finished before it was killed"
    );

    let output = command.output().unwrap();
    assert!(output.status.success());
    for file in ["gan/model/model.safetensors", "gan/stats.jsonl"] {
        let [whole, resumed] = [smoke_run(), &run].map(|run| fs::read(run.join(file)).unwrap());
        assert!(
            whole == resumed,
            "{file} differs from that of a run that was not killed"
        );
    }
}

#[test]
fn a_dry_run_prints_all_settings_and_makes_nothing() {
    let config = repository("xtask/presets/smoke.toml");
    let arguments = ["train", "all", "--dry-run", "--config"];
    let (call, folder) = clip2gan(&[&arguments[..], &[config.to_str().unwrap()]].concat());
    let call = call.ok();
    // What the preset leaves out is there with its default, and the whole is a settings file again.
    for setting in ["r1_interval = 16", "[mapper.weights]", "name = \"smoke\""] {
        assert!(call.out.contains(setting), "no {setting} in {}", call.out);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let printed = folder.path().join("printed.toml");
    fs::write(&printed, &call.out).unwrap();
    let again = clip2gan(&[&arguments[..], &[printed.to_str().unwrap()]].concat());
    assert_eq!(again.0.ok().out, call.out);
}

#[test]
fn stages_need_those_before_them() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), "mapper", &[]).fails(1, &["no finished model", "train clip"]);
    train(folder.path(), "bundle", &[]).fails(1, &["no finished model", "train clip"]);
}

#[test]
fn settings_that_make_no_sense_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.toml");
    let data = "[data]\nsource = \"avatars\"\npictures = 10\n";
    for (text, parts) in [
        ("name =".to_owned(), ["run.toml", "TOML"]),
        (
            "name = \"x\"\nlearning = 1\n".to_owned() + data,
            ["learning", "TOML"],
        ),
        (
            format!("name = \"x\"\n{data}[gan]\nseed = 3\n"),
            ["gan.seed", "one seed"],
        ),
        (
            format!("name = \"x\"\n{data}[gan]\nc_dim = 2\n"),
            ["gan.c_dim is 2", "a folder with labels"],
        ),
        (
            format!("name = \"x\"\n{data}[gan]\nresolution = 20\n"),
            ["resolution", "power of two"],
        ),
        (
            "name = \"x\"\n[data]\nsource = \"folder\"\npath = \"none\"\n".into(),
            ["none", "No such file"],
        ),
    ] {
        fs::write(&path, text).unwrap();
        let run = folder.path().join("run");
        let (call, _) = clip2gan(&[
            "train",
            "gan",
            "--resume",
            "--config",
            path.to_str().unwrap(),
            "--run",
            run.to_str().unwrap(),
        ]);
        call.fails(1, &parts);
    }
}
