//! Finding the bundle: `--bundle`, `$CLIP2GAN_BUNDLE`, an `assets/` upward from here, one beside the program, the
//! workspace's own.

use std::path::{Path, PathBuf};

use clip2gan::bundle::MANIFEST;

use crate::error::{Failure, Outcome};

/// The environment variable that names a bundle.
pub const VARIABLE: &str = "CLIP2GAN_BUNDLE";

/// The folder of the bundle to use.
pub fn find(named: Option<&Path>) -> Outcome<PathBuf> {
    if let Some(folder) = named {
        return check(folder, "--bundle");
    }
    if let Some(folder) = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        return check(Path::new(&folder), VARIABLE);
    }
    let here = std::env::current_dir().unwrap_or_default();
    let program = std::env::current_exe().unwrap_or_default();
    default_places(&here, &program)
        .into_iter()
        .find(|folder| is_bundle(folder))
        .ok_or_else(|| {
            Failure::failed("no bundle found")
                .expected(format!(
                    "a folder with a {MANIFEST}: an assets/ in {} or above it, or beside the program",
                    here.display()
                ))
                .hint(format!(
                    "--bundle DIR, set {VARIABLE}, or make a bundle with `cargo xtask train --preset smoke`"
                ))
        })
}

/// Whether a folder holds a bundle.
pub fn is_bundle(folder: &Path) -> bool {
    folder.join(MANIFEST).is_file()
}

fn check(folder: &Path, source: &str) -> Outcome<PathBuf> {
    if is_bundle(folder) {
        return Ok(folder.to_path_buf());
    }
    let what = if folder.exists() {
        format!("{source}: {} is not a bundle", folder.display())
    } else {
        format!("{source}: {} does not exist", folder.display())
    };
    Err(Failure::failed(what)
        .expected(format!("a folder with a {MANIFEST}"))
        .hint("leave it out to use the default bundle, or make one with `cargo xtask train`"))
}

fn default_places(here: &Path, program: &Path) -> Vec<PathBuf> {
    let beside = program.parent().map(Path::to_path_buf);
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    here.ancestors()
        .map(Path::to_path_buf)
        .chain(beside)
        .chain([workspace])
        .map(|folder| folder.join("assets"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upward_beside_and_the_workspace_in_this_order() {
        let places = default_places(Path::new("/a/b"), Path::new("/opt/clip2gan"));
        let start: Vec<_> = ["/a/b/assets", "/a/assets", "/assets", "/opt/assets"]
            .map(PathBuf::from)
            .into();
        assert_eq!(places[..4], start);
        assert_eq!(places.len(), 5);
    }

    #[test]
    fn a_named_folder_must_be_a_bundle() {
        let folder = tempfile::tempdir().unwrap();
        let error = find(Some(folder.path())).unwrap_err();
        assert!(error.to_string().contains("is not a bundle"), "{error}");
        std::fs::write(folder.path().join(MANIFEST), "{}").unwrap();
        assert_eq!(find(Some(folder.path())).unwrap(), folder.path());
    }
}
