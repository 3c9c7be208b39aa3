//! Class labels of folders.

use std::fs;
use std::path::Path;

use clip2gan_data::{ClassLabels, ImageFolder};
use image::{Rgb, RgbImage};
use tempfile::TempDir;

/// A folder of small pictures with these names.
fn folder(names: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let picture = RgbImage::from_pixel(2, 2, Rgb([1, 2, 3]));
        picture.save(path).unwrap();
    }
    folder
}

fn labels(root: &Path, c_dim: usize) -> Result<ClassLabels, clip2gan_data::Error> {
    ClassLabels::of_folder(&ImageFolder::open(root, 2).unwrap(), c_dim)
}

fn write(folder: &TempDir, text: &str) {
    fs::write(folder.path().join("dataset.json"), text).unwrap();
}

#[test]
fn classes_of_a_file_become_one_hot() {
    let folder = folder(&["00000/a.png", "00000/b.png", "00001/c.png"]);
    write(
        &folder,
        r#"{"labels": [["00001/c.png", 1], ["00000/a.png", 2], ["00000/b.png", 0]], "by": "hand"}"#,
    );
    let labels = labels(folder.path(), 3).unwrap();
    assert!(labels.are_classes() && labels.c_dim() == 3);
    assert_eq!(labels.rows(&[0, 1]), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    assert_eq!(labels.rows(&[2]), [0.0, 1.0, 0.0]);
}

#[test]
fn vectors_of_a_file_stay_as_they_are() {
    let folder = folder(&["a.png", "b.png"]);
    write(
        &folder,
        r#"{"labels": [["a.png", [0.5, -1]], ["b.png", [2, 3.25]]]}"#,
    );
    let labels = labels(folder.path(), 2).unwrap();
    assert!(!labels.are_classes());
    assert_eq!(labels.rows(&[1, 0]), [2.0, 3.25, 0.5, -1.0]);
}

#[test]
fn sub_folders_are_classes_in_the_order_of_their_names() {
    let folder = folder(&["dogs/1.png", "cats/2.png", "cats/more/3.png"]);
    let found = labels(folder.path(), 2).unwrap();
    assert_eq!(
        found.rows(&[0, 1, 2]),
        [1.0, 0.0, 1.0, 0.0, 0.0, 1.0],
        "cats, cats, dogs"
    );
    // A file goes before folders, which may be there for another reason.
    write(&folder, r#"{"labels": null}"#);
    let message = labels(folder.path(), 2).unwrap_err().to_string();
    assert!(message.ends_with("found null"), "{message}");
}

#[test]
fn labels_that_do_not_fit_are_named() {
    let folder = folder(&["x/a.png", "x/b.png"]);
    for (text, expected) in [
        ("{\"labels\": [", "EOF"),
        (r#"{"label": []}"#, "found null"),
        (
            r#"{"labels": [["x/a.png", 0]]}"#,
            "\"x/b.png\" has no label",
        ),
        (
            r#"{"labels": [["x/a.png", 0], ["x/b.png", 2]]}"#,
            "label of \"x/b.png\": expected a class from 0 to 1, found 2",
        ),
        (
            r#"{"labels": [["x/a.png", -1], ["x/b.png", 1]]}"#,
            "expected a class from 0 to 1, found -1",
        ),
        (
            r#"{"labels": [["x/a.png", [1, 2, 3]], ["x/b.png", [1, 2]]]}"#,
            "label of \"x/a.png\": expected 2 finite numbers, found [1,2,3]",
        ),
        (
            r#"{"labels": [["x/a.png", [1, 1e99]], ["x/b.png", [1, 2]]]}"#,
            "expected 2 finite numbers",
        ),
        (
            r#"{"labels": [["x/a.png", "cat"], ["x/b.png", 1]]}"#,
            "expected a class from 0 to 1 or 2 finite numbers, found \"cat\"",
        ),
        (
            r#"{"labels": [["x/a.png", 1], ["x/b.png", [1, 2]]]}"#,
            "classes only or vectors only",
        ),
        (
            r#"{"labels": [["x/a.png", 1], ["x/b.png", 1], ["x/c.png", 1]]}"#,
            "expected labels for 2 pictures, found 3: there is no picture \"x/c.png\"",
        ),
        (
            r#"{"labels": [["x/a.png", 1], ["x/a.png", 1], ["x/b.png", 1]]}"#,
            "one label for each picture, found two for \"x/a.png\"",
        ),
    ] {
        write(&folder, text);
        let message = labels(folder.path(), 2).unwrap_err().to_string();
        let named = message.contains("dataset.json: ") && message.contains(expected);
        assert!(named, "{text}: {message}");
    }
    fs::remove_file(folder.path().join("dataset.json")).unwrap();
    let message = labels(folder.path(), 2).unwrap_err().to_string();
    assert!(
        message.contains("expected 2 classes (c_dim), found 1 sub-folders"),
        "{message}"
    );
    fs::copy(
        folder.path().join("x/a.png"),
        folder.path().join("stray.png"),
    )
    .unwrap();
    let message = labels(folder.path(), 1).unwrap_err().to_string();
    assert!(message.contains("\"stray.png\" has no label"), "{message}");
}
