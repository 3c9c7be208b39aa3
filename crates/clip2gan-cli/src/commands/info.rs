//! `clip2gan info`: what a file or folder is.

use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use clip2gan::bundle::MANIFEST;
use clip2gan::{Bundle, png};
use clip2gan_stylegan2::weights;
use clip2gan_weights::{Dtype, describe};
use serde_json::{Value, json};

use super::{Context, text};
use crate::args::Info;
use crate::error::{Failure, Outcome, at};

/// What stands at the beginning of every PNG.
const PNG: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
/// What this command can read.
const KNOWN: &str = "a PNG, a bundle's folder, a model's folder with config.json, or weights \
     (.safetensors, .pt, .pth, .bin, .pkl)";

/// Looks at the path and prints what it finds.
pub fn run(context: &Context, options: &Info) -> Outcome {
    let path = &options.path;
    if path.join(MANIFEST).is_file() {
        return bundle(context, path);
    }
    if path.join("config.json").is_file() {
        return model(context, path);
    }
    if path.is_dir() {
        return Err(
            Failure::failed(format!("{}: an unknown folder", path.display())).expected(KNOWN),
        );
    }
    let mut start = Vec::new();
    let file = File::open(path).map_err(at(path))?;
    file.take(8).read_to_end(&mut start).map_err(at(path))?;
    if start == PNG {
        return picture(context, path);
    }
    checkpoint(context, path)
}

/// Weights of any format, described without reading them whole.
fn checkpoint(context: &Context, path: &Path) -> Outcome {
    let found = describe(path).map_err(|error| Failure::from(error).expected(KNOWN))?;
    let (format, family) = (found.format, &found.family);
    let mut plain = format!("{format} file of {family}\n");
    for (name, module) in found.modules.iter().filter(|(name, _)| !name.contains('.')) {
        // Writing to a string cannot fail.
        let _ = writeln!(plain, "{name}: {}", module.class);
    }
    // Sizes follow from shapes; a family without networks of ours has none.
    let generator = weights::generator(&found).ok().map(|it| it.config);
    let discriminator = weights::discriminator(&found).ok().map(|it| it.config);
    for (name, config) in [
        ("generator", generator.as_ref().map(|it| json!(it))),
        ("discriminator", discriminator.as_ref().map(|it| json!(it))),
    ] {
        if let Some(config) = config {
            let _ = writeln!(plain, "{name} {config}");
        }
    }
    let (arrays, json) = list(
        found
            .arrays
            .iter()
            .map(|(name, array)| (name.as_str(), array.dtype, array.shape.as_slice())),
    );
    context.console.answer(
        format_args!("{plain}{}", arrays.trim_end()),
        json!({
            "kind": "checkpoint",
            "format": format.to_string(),
            "family": family.to_string(),
            "generator": generator,
            "discriminator": discriminator,
            "arrays": json,
            "metadata": found.metadata,
        }),
    );
    Ok(())
}

fn picture(context: &Context, path: &Path) -> Outcome {
    let recipe = png::read_recipe(path)?;
    let plain = match &recipe {
        Some(recipe) => recipe.to_string(),
        None => "a picture that does not say how it was made".into(),
    };
    context
        .console
        .answer(plain, json!({ "kind": "picture", "recipe": recipe }));
    Ok(())
}

fn bundle(context: &Context, path: &Path) -> Outcome {
    let bundle = Bundle::load(path, &context.device()?)?;
    let manifest = &bundle.manifest;
    let clip = bundle.clip.config();
    let mapper = bundle.mapper.config();
    let generator = &bundle.generator_config;
    let plain = format!(
        "bundle:      {}\ndescription: {}\nhash:        {}\npictures:    {size}×{size}\n\
         clip:        {} features, {}-pixel pictures, {} tokens of text\n\
         mapper:      {} layers of {}, {:?}\ngenerator:   z {}, w {}, {} layers\n\
         defaults:    {}",
        manifest.name,
        manifest.description,
        bundle.hash(),
        clip.embed_dim,
        clip.vision.image_size,
        clip.text.context_length,
        mapper.num_layers,
        mapper.hidden,
        mapper.head,
        generator.z_dim,
        generator.w_dim,
        generator.num_ws(),
        json!(manifest.defaults),
        size = bundle.resolution(),
    );
    let json = json!({
        "kind": "bundle",
        "manifest": manifest,
        "hash": bundle.hash(),
        "clip": clip,
        "mapper": mapper,
        "generator": generator,
    });
    context.console.answer(plain, json);
    Ok(())
}

fn model(context: &Context, path: &Path) -> Outcome {
    let file = path.join("config.json");
    let config = std::fs::read_to_string(&file).map_err(at(&file))?;
    let config: Value = serde_json::from_str(&config).map_err(|error| {
        Failure::failed(format!("{}: {error}", file.display())).expected("JSON")
    })?;
    let weights = describe(path.join("model.safetensors"))?;
    let arrays = weights.arrays.iter();
    let (plain, json) =
        list(arrays.map(|(name, array)| (name.as_str(), array.dtype, array.shape.as_slice())));
    context.console.answer(
        format_args!("model {}\n{config:#}\n{}", text(path), plain.trim_end()),
        json!({ "kind": "model", "config": config, "arrays": json }),
    );
    Ok(())
}

/// A line an array, and their number of values in all.
fn list<'a>(arrays: impl Iterator<Item = (&'a str, Dtype, &'a [usize])>) -> (String, Value) {
    let mut plain = String::new();
    let mut json = Vec::new();
    let mut total = 0;
    for (name, dtype, shape) in arrays {
        total += shape.iter().product::<usize>();
        // Writing to a string cannot fail.
        let _ = writeln!(plain, "{name} {dtype:?} {shape:?}");
        json.push(json!({ "name": name, "dtype": format!("{dtype:?}"), "shape": shape }));
    }
    let _ = writeln!(plain, "{} arrays, {total} values", json.len());
    (plain, Value::Array(json))
}
