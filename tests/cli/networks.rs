//! `generate` and `import` on the reference implementations' checkpoints.

use std::fs;

use clip2gan_weights::{Array, Arrays, Metadata, read_safetensors, write_safetensors};
use tempfile::TempDir;

use crate::support::{clip2gan, clip2gan_in, repository};

fn fixture(name: &str) -> String {
    let path = repository("tests/fixtures/stylegan2").join(name);
    path.to_str().expect("UTF-8").to_owned()
}

fn generate(network: &str, options: &[&str]) -> TempDir {
    let (call, folder) = clip2gan(&[&["generate", "--network", network], options].concat());
    call.ok();
    folder
}

fn pixels(folder: &TempDir, file: &str) -> Vec<u8> {
    let path = folder.path().join("out").join(file);
    image::open(path).expect("a picture").into_rgb8().into_raw()
}

#[test]
fn pictures_of_seeds_are_upstreams() {
    let (golden, _) = read_safetensors(fixture("nv32_seeds.safetensors")).unwrap();
    for psi in ["1.0", "0.7"] {
        for noise in ["const", "none"] {
            let folder = generate(
                &fixture("nv32.pkl"),
                &["--seeds", "0-3", "--trunc", psi, "--noise-mode", noise],
            );
            let expected = &golden[&format!("u8_psi{psi}_{noise}")];
            for (seed, expected) in expected.data.chunks(32 * 32 * 3).enumerate() {
                let found = pixels(&folder, &format!("seed{seed:04}.png"));
                let pairs = found.iter().zip(expected);
                let worst = pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap();
                assert!(worst <= 1, "seed {seed}, psi {psi}, {noise}: {worst}");
            }
        }
    }
}

#[test]
fn an_imported_network_draws_the_same() {
    for checkpoint in ["nv32.pkl", "ros32.pt"] {
        let (call, folder) = clip2gan(&["import", &fixture(checkpoint), "--out", "model"]);
        let call = call.ok();
        assert!(call.out.contains("discriminator"), "{}", call.out);
        let files = ["model", "model/discriminator"].map(|part| folder.path().join(part));
        for part in files {
            assert!(part.join("config.json").is_file() && part.join("model.safetensors").is_file());
        }
        let info = clip2gan_in(folder.path(), &["info", "model"]).ok().out;
        assert!(info.contains("\"resolution\": 32"), "{info}");
        let model = folder.path().join("model");
        let options = ["--seeds", "3", "--trunc", "0.5"];
        let [direct, imported] = [fixture(checkpoint), model.to_str().unwrap().to_owned()]
            .map(|network| pixels(&generate(&network, &options), "seed0003.png"));
        assert_eq!(direct, imported, "{checkpoint}");
    }
}

#[test]
fn truncation_stops_at_the_cutoff() {
    let draw = |options: &[&str]| {
        let all = [&["--seeds", "1"], options].concat();
        pixels(&generate(&fixture("nv32.pkl"), &all), "seed0001.png")
    };
    let plain = draw(&[]);
    assert_eq!(plain, draw(&["--trunc", "0.3", "--trunc-cutoff", "0"]));
    let some = draw(&["--trunc", "0.3", "--trunc-cutoff", "4"]);
    assert_ne!(some, plain);
    assert_ne!(some, draw(&["--trunc", "0.3"]));
    assert_eq!(
        draw(&["--trunc", "0.3"]),
        draw(&["--trunc", "0.3", "--trunc-cutoff", "8"])
    );
}

#[test]
fn styles_are_mixed_layer_by_layer() {
    let network = fixture("ros32.pt");
    let mix = |styles: &[&str]| {
        let options = [&["--rows", "1,2", "--cols", "3"], styles].concat();
        generate(&network, &options)
    };
    let folder = mix(&["--styles", "0-2"]);
    let plain = generate(&network, &["--seeds", "1,3"]);
    assert_eq!(pixels(&folder, "1-1.png"), pixels(&plain, "seed0001.png"));
    assert_eq!(pixels(&folder, "3-3.png"), pixels(&plain, "seed0003.png"));
    for mixed in ["1-3.png", "2-3.png"] {
        assert_ne!(pixels(&folder, mixed), pixels(&folder, "3-3.png"));
    }
    let grid = image::open(folder.path().join("out/grid.png")).unwrap();
    assert_eq!((grid.width(), grid.height()), (64, 96));
    // All styles of another picture make that picture, as the noise is the same.
    let all = mix(&["--styles", "0-7"]);
    assert_eq!(pixels(&all, "1-3.png"), pixels(&plain, "seed0003.png"));
}

#[test]
fn arrays_hold_what_pictures_show() {
    let network = fixture("nv32.pkl");
    let folder = generate(&network, &["--seeds", "2", "--format", "npy"]);
    let bytes = fs::read(folder.path().join("out/seed0002.npy")).unwrap();
    let line = b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (3, 32, 32,), }";
    assert!(bytes.starts_with(line));
    let (values, []) = bytes[128..].as_chunks::<4>() else {
        panic!("{} bytes", bytes.len());
    };
    assert_eq!(values.len(), 3 * 32 * 32);
    let values: Vec<f32> = values
        .iter()
        .map(|&value| f32::from_le_bytes(value))
        .collect();
    let picture = pixels(&generate(&network, &["--seeds", "2"]), "seed0002.png");
    for (place, &found) in picture.iter().enumerate() {
        let value = values[place % 3 * 32 * 32 + place / 3] * 127.5 + 128.0;
        assert_eq!(found, value.clamp(0.0, 255.0) as u8);
    }
}

#[test]
fn projected_latents_are_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let network = fixture("nv32.pkl");
    let (golden, _) = read_safetensors(fixture("nv32_golden.safetensors")).unwrap();
    let draw = |file: &str| {
        clip2gan_in(
            folder.path(),
            &["generate", "--network", &network, "--projected-w", file],
        )
    };
    // As `numpy.savez(file, w=ws)` wrote it.
    let ws = fixture("nv32_ws.npz");
    draw(&ws).ok();
    let image = &golden["img_const"];
    let expected = image.to_f32();
    for picture in 0..image.shape[0] {
        let found = pixels(&folder, &format!("proj{picture:02}.png"));
        for (place, &found) in found.iter().enumerate() {
            let index = (picture * 3 + place % 3) * 32 * 32 + place / 3;
            let value = (expected[index] * 127.5 + 128.0).clamp(0.0, 255.0) as u8;
            assert!(found.abs_diff(value) <= 1, "{picture}, {place}");
        }
    }

    // What does not fit is named, with what would.
    let five = Arrays::from([("w".into(), Array::from_f32([2, 5], &[0.0; 10]))]);
    let path = folder.path().join("five.safetensors");
    write_safetensors(path, &five, &Metadata::default()).unwrap();
    fs::write(folder.path().join("text.npz"), "no archive").unwrap();
    for (file, part) in [
        ("five.safetensors", "shape [2, 5]"),
        (&fixture("nv32_golden.safetensors"), "no such array"),
        ("text.npz", "text.npz"),
        ("none.npz", "none.npz"),
    ] {
        draw(file).fails(1, &["error", part, "[pictures, 8, 32]"]);
    }
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let network = fixture("nv32.pkl");
    for (options, parts) in [
        (&["--class", "1"][..], ["--class 1", "no --class"]),
        (
            &["--rows", "1", "--cols", "2", "--styles", "3,8"],
            ["no layer 8", "0 to 7"],
        ),
        (&["--rows", "1"], ["--cols", "required"]),
        (
            &["--seeds", "1", "--projected-w", "w.npz"],
            ["--seeds", "cannot be used with"],
        ),
    ] {
        let arguments = [&["generate", "--network", &network], options].concat();
        let (call, folder) = clip2gan(&arguments);
        call.fails(2, &parts);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
    let (call, _folder) = clip2gan(&["generate", "--network", &fixture("nv32_golden.safetensors")]);
    call.fails(
        1,
        &["nv32_golden.safetensors", "mapping.fc0.weight", "G_ema"],
    );
}
