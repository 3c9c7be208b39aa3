//! Models by name from the Hugging Face hub: `hf:OWNER/NAME`, or `hf:OWNER/NAME@REVISION`.
//!
//! Only with the feature `hub`. Files are kept in the cache that all of Hugging Face's programs share.

use std::path::{Path, PathBuf};

use crate::error::{Failure, Outcome};

/// What stands before a name.
const PREFIX: &str = "hf:";

/// A local model as it is; a named one after its files were fetched.
pub fn resolve(model: &Path) -> Outcome<PathBuf> {
    let Some(name) = model.to_str().and_then(|model| model.strip_prefix(PREFIX)) else {
        return Ok(model.to_path_buf());
    };
    let (id, revision) = name.split_once('@').unwrap_or((name, "main"));
    match id.split('/').collect::<Vec<_>>()[..] {
        [owner, name] if !owner.is_empty() && !name.is_empty() && !revision.is_empty() => {
            fetch(id, revision)
        }
        _ => Err(Failure::usage(format!("--clip {}", model.display()))
            .expected("hf:OWNER/NAME or hf:OWNER/NAME@REVISION")),
    }
}

#[cfg(not(feature = "hub"))]
fn fetch(id: &str, _: &str) -> Outcome<PathBuf> {
    Err(Failure::failed(format!(
        "{PREFIX}{id}: this program was built without the hub"
    ))
    .expected("a folder or a file")
    .hint("cargo build --release -p clip2gan-cli --features hub"))
}

/// Fetches what [`Clip::load`](clip2gan_clip::Clip::load) reads, and nothing else.
#[cfg(feature = "hub")]
fn fetch(id: &str, revision: &str) -> Outcome<PathBuf> {
    use hf_hub::api::sync::{ApiBuilder, ApiError};
    use hf_hub::{Repo, RepoType};

    let failed = |error: ApiError| {
        Failure::failed(format!("{PREFIX}{id}@{revision}: {error}"))
            .expected("a public model, and a connection to huggingface.co")
            .hint("HF_ENDPOINT names another server, HF_TOKEN a key")
    };
    let api = ApiBuilder::from_env().build().map_err(failed)?;
    let repo = Repo::with_revision(id.to_owned(), RepoType::Model, revision.to_owned());
    let repo = api.repo(repo);
    let there = repo.info().map_err(failed)?.siblings;
    let wanted = wanted(there.iter().map(|file| file.rfilename.as_str()));
    let Some(wanted) = wanted else {
        return Err(
            Failure::failed(format!("{PREFIX}{id}@{revision}: no CLIP model"))
                .expected("config.json or open_clip_config.json, and weights beside it"),
        );
    };
    let mut folder = None;
    for file in wanted {
        folder = repo
            .get(file)
            .map_err(failed)?
            .parent()
            .map(Path::to_path_buf);
    }
    folder.ok_or_else(|| Failure::failed(format!("{PREFIX}{id}: the cache has no folder")))
}

/// The files of a model, of those that there are: safetensors rather than pickles.
#[cfg(any(feature = "hub", test))]
fn wanted<'a>(there: impl Iterator<Item = &'a str> + Clone) -> Option<Vec<&'static str>> {
    let has = |name: &str| there.clone().any(|file| file == name);
    let families: [(&str, &[&str]); 2] = [
        (
            "open_clip_config.json",
            &["open_clip_model.safetensors", "open_clip_pytorch_model.bin"],
        ),
        ("config.json", &["model.safetensors", "pytorch_model.bin"]),
    ];
    let (config, weights) = families.into_iter().find_map(|(config, weights)| {
        let weights = weights.iter().copied().find(|name| has(name))?;
        has(config).then_some((config, weights))
    })?;
    let others = ["preprocessor_config.json", "tokenizer.json"];
    let others = others.into_iter().filter(|name| has(name));
    Some([config, weights].into_iter().chain(others).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_as_they_are() {
        assert_eq!(resolve(Path::new("a/clip")).unwrap(), Path::new("a/clip"));
    }

    #[test]
    fn names_are_checked_before_anything_is_fetched() {
        for bad in ["hf:", "hf:clip", "hf:a/b/c", "hf:/b", "hf:a/b@"] {
            let error = resolve(Path::new(bad)).unwrap_err();
            assert_eq!(error.code, 2, "{bad}: {error}");
        }
    }

    #[test]
    fn one_kind_of_weights_is_fetched() {
        let there = [
            "config.json",
            "pytorch_model.bin",
            "model.safetensors",
            "tf_model.h5",
            "tokenizer.json",
        ];
        assert_eq!(
            wanted(there.into_iter()).unwrap(),
            ["config.json", "model.safetensors", "tokenizer.json"]
        );
        let there = [
            "open_clip_config.json",
            "open_clip_pytorch_model.bin",
            "README.md",
        ];
        assert_eq!(wanted(there.into_iter()).unwrap(), there[..2]);
        assert!(wanted(["config.json", "README.md"].into_iter()).is_none());
    }
}
