//! Class-conditional generators, from a folder with labels to a picture of a class.

use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};
use tempfile::TempDir;

use crate::support::{Call, clip2gan_in};

/// Pictures in two sub-folders, and settings that learn from them.
fn workspace() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (class, shade) in [("bright", 220), ("dark", 30)] {
        let sub = folder.path().join("pictures").join(class);
        fs::create_dir_all(&sub).expect("a sub-folder");
        for index in 0..20 {
            let picture = RgbImage::from_pixel(8, 8, Rgb([shade, shade + index, shade]));
            picture
                .save(sub.join(format!("{index:02}.png")))
                .expect("saved");
        }
    }
    settings(folder.path(), 2);
    folder
}

fn settings(folder: &Path, c_dim: usize) {
    let text = format!(
        "name = \"shades\"\n[data]\nsource = \"folder\"\npath = \"pictures\"\n[gan]\nc_dim = {c_dim}\n\
         resolution = 8\nchannel_base = 64\nchannel_max = 8\nz_dim = 8\nw_dim = 8\nmapping_layers = 2\n\
         batch = 8\ntotal_images = 24\nsamples_every = 16\ngrid = 2\n"
    );
    fs::write(folder.join("run.toml"), text).expect("written");
}

fn train(folder: &Path, stage: &str, run: &str) -> Call {
    let arguments = ["train", stage, "--config", "run.toml", "--run", run];
    clip2gan_in(folder, &arguments)
}

#[test]
fn sub_folders_become_classes_to_generate() {
    let folder = workspace();
    train(folder.path(), "gan", "run").ok();
    assert!(folder.path().join("run/gan/samples/00000016.png").is_file());
    let picture = |class: &str| {
        let network = "run/gan/model";
        let arguments = ["generate", "--network", network, "--seeds", "1", "--class"];
        clip2gan_in(
            folder.path(),
            &[&arguments[..], &[class, "--outdir", class]].concat(),
        )
    };
    let [first, second] = ["0", "1"].map(|class| {
        picture(class).ok();
        image::open(folder.path().join(class).join("seed0001.png")).expect("a picture")
    });
    assert!(first != second, "both classes look the same");
    picture("2").fails(2, &["--class 2: no such class", "0 to 1"]);
}

#[test]
fn labels_of_a_file_are_used_and_their_faults_named() {
    let folder = workspace();
    let names = ["bright", "dark"].iter().flat_map(|class| {
        (0..20).map(move |index| format!("[\"{class}/{index:02}.png\", [{index}, 0.5, -1]]"))
    });
    let labels = format!("{{\"labels\": [{}]}}", names.collect::<Vec<_>>().join(", "));
    let file = folder.path().join("pictures/dataset.json");
    fs::write(&file, labels).expect("written");
    train(folder.path(), "gan", "vectors").fails(
        1,
        &[
            "dataset.json",
            "\"bright/00.png\"",
            "expected 2 finite numbers",
        ],
    );
    settings(folder.path(), 3);
    train(folder.path(), "gan", "vectors").ok();
    fs::remove_file(&file).expect("removed");
    train(folder.path(), "gan", "folders").fails(1, &["expected 3 classes", "found 2 sub-folders"]);
    train(folder.path(), "all", "all").fails(1, &["gan.c_dim is 3", "mappers take no classes"]);
}
