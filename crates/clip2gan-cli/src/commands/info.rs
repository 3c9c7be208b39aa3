//! `clip2gan info`: what a file or folder is.

use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use clip2gan::bundle::MANIFEST;
use clip2gan::{Bundle, png};
use clip2gan_weights::{Arrays, read_safetensors};
use serde_json::{Value, json};

use super::{Context, text};
use crate::args::Info;
use crate::error::{Failure, Outcome, at};

/// What stands at the beginning of every PNG.
const PNG: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
/// What this command can read.
const KNOWN: &str =
    "a PNG, a bundle's folder, a model's folder with config.json, or a .safetensors file";

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
    if path
        .extension()
        .is_some_and(|extension| extension == "safetensors")
    {
        let (arrays, metadata) = read_safetensors(path)?;
        let (plain, json) = list(&arrays);
        context.console.answer(
            plain.trim_end(),
            json!({ "kind": "safetensors", "arrays": json, "metadata": metadata }),
        );
        return Ok(());
    }
    Err(Failure::failed(format!("{}: an unknown file", path.display())).expected(KNOWN))
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
    let (arrays, _) = read_safetensors(path.join("model.safetensors"))?;
    let (plain, json) = list(&arrays);
    context.console.answer(
        format_args!("model {}\n{config:#}\n{}", text(path), plain.trim_end()),
        json!({ "kind": "model", "config": config, "arrays": json }),
    );
    Ok(())
}

/// A line an array, and their number of values in all.
fn list(arrays: &Arrays) -> (String, Value) {
    let mut plain = String::new();
    let mut total = 0;
    for (name, array) in arrays {
        total += array.len();
        // Writing to a string cannot fail.
        let _ = writeln!(plain, "{name} {:?} {:?}", array.dtype, array.shape);
    }
    let _ = writeln!(plain, "{} arrays, {total} values", arrays.len());
    let json = arrays
        .iter()
        .map(|(name, array)| {
            json!({ "name": name, "dtype": format!("{:?}", array.dtype), "shape": array.shape })
        })
        .collect();
    (plain, Value::Array(json))
}
