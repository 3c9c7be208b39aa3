//! A tiny untrained bundle: saving, loading, drawing, editing, and the errors of a broken one.

use std::fs;
use std::path::Path;

use burn::tensor::{Device, Tensor};
use clip2gan::{Bundle, EditForm, EditOptions, Error, Manifest, Note, SampleOptions, png};
use clip2gan_clip::{
    Activation, ClipConfig, Layers, OPENAI_MEAN, OPENAI_STD, TextConfig, Tokenizer, VisionConfig,
};
use clip2gan_mapper::{Bridge, Head, MapperConfig, Memory};
use clip2gan_stylegan2::GeneratorConfig;
use clip2gan_train::rng;
use image::RgbImage;

const CAPTIONS: [&str; 3] = [
    "a smiling person with long red hair",
    "a person wearing glasses and a hat",
    "a bearded person in a grey hoodie",
];

fn randn<const D: usize>(name: &str, shape: [usize; D]) -> Tensor<D> {
    rng::randn(shape, &mut rng::stream(0, name, 0), &Device::flex())
}

fn bundle() -> Bundle {
    let device = Device::flex();
    let tokenizer = Tokenizer::train(&CAPTIONS, 600).unwrap();
    let clip = ClipConfig {
        embed_dim: 12,
        vision: VisionConfig {
            image_size: 16,
            patch_size: 8,
            width: 16,
            layers: Layers::Transformer(2),
            heads: 2,
        },
        text: TextConfig {
            context_length: 16,
            vocab_size: 600,
            width: 16,
            layers: 1,
            heads: 2,
        },
        activation: Activation::QuickGelu,
        mean: OPENAI_MEAN,
        std: OPENAI_STD,
    };
    let generator = GeneratorConfig {
        z_dim: 8,
        w_dim: 8,
        resolution: 8,
        img_channels: 3,
        channel_base: 64,
        channel_max: 8,
        mapping_layers: 2,
        ..GeneratorConfig::default()
    };
    let mut mapper = MapperConfig {
        noise_dim: 4,
        hidden: 16,
        num_layers: 3,
        head: Head::WPlus,
        ..MapperConfig::new(12, 8, generator.num_ws())
    }
    .init(&device)
    .with_bridge(Bridge::new(
        randn("image", [12]) * 0.1,
        randn("text", [12]) * 0.1,
    ))
    .unwrap();
    // As if trained: a head that moves the latents visibly.
    mapper.head.weight = mapper.head.weight.map(|weight| weight * 200.0);
    Bundle::new(
        Manifest::new("tiny", "untrained"),
        (clip.init(&device), tokenizer),
        mapper,
        (generator.init(&device), generator),
    )
    .unwrap()
}

fn saved(dir: &Path) -> Bundle {
    let hash = bundle().save(dir).unwrap();
    let bundle = Bundle::load(dir, &Device::flex()).unwrap();
    assert_eq!(bundle.hash(), hash);
    bundle
}

fn photo() -> RgbImage {
    RgbImage::from_fn(20, 13, |x, y| {
        image::Rgb([(x * 12) as u8, (y * 19) as u8, 90])
    })
}

#[test]
fn seeds_decide_and_counts_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let bundle = saved(dir.path());
    let mut options = SampleOptions::new("a person with red hair", 5);
    options.count = 20;
    let many = bundle.sample(&options).unwrap();
    assert!(many.notes.is_empty());
    assert_eq!(many.images.len(), 20);
    let distinct: std::collections::HashSet<_> = many
        .images
        .iter()
        .map(|image| image.as_raw().clone())
        .collect();
    assert_eq!(distinct.len(), 20);
    options.count = 1;
    options.seed = 22;
    let one = bundle.sample(&options).unwrap();
    assert_eq!(one.images[0], many.images[17]);
    assert_eq!(one.recipes[0], many.recipes[17]);
    assert_eq!(one.recipes[0].seed, Some(22));
    assert_eq!(one.recipes[0].bundle_hash, bundle.hash());
    let other = bundle
        .sample(&SampleOptions::new("a grey hoodie", 22))
        .unwrap();
    assert_ne!(other.images[0], one.images[0]);
}

#[test]
fn truncation_zero_is_the_mean_picture() {
    let bundle = bundle();
    let draw = |seed| {
        let mut options = SampleOptions::new("a hat", seed);
        options.truncation = Some(0.0);
        bundle.sample(&options).unwrap().images.remove(0)
    };
    assert_eq!(draw(1), draw(2));
}

#[test]
fn the_png_tells_how_to_make_it_again() {
    let dir = tempfile::tempdir().unwrap();
    let bundle = saved(dir.path());
    let mut options = SampleOptions::new("a person with glasses", 3);
    options.truncation = Some(0.7);
    options.feature_noise = Some(0.5);
    options.neighbours = Some(0);
    let sampled = bundle.sample(&options).unwrap();
    let path = dir.path().join("out.png");
    png::write(&path, &sampled.images[0], &sampled.recipes[0]).unwrap();
    let recipe = png::read_recipe(&path).unwrap().unwrap();
    let again = SampleOptions {
        prompt: recipe.prompt.unwrap(),
        count: 1,
        seed: recipe.seed.unwrap(),
        truncation: recipe.settings["truncation"].as_f64(),
        feature_noise: recipe.settings["feature_noise"].as_f64(),
        neighbours: recipe.settings["neighbours"].as_u64().map(|n| n as usize),
    };
    assert_eq!(again, options);
    assert_eq!(bundle.sample(&again).unwrap().images, sampled.images);
}

#[test]
fn remembered_pictures_stand_in_for_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let memory = |width| Memory::new(randn("memory", [30, width]));
    let hash = bundle()
        .with_memory(memory(12))
        .unwrap()
        .save(dir.path())
        .unwrap();
    assert_ne!(
        hash,
        bundle().save(tempfile::tempdir().unwrap().path()).unwrap()
    );
    let bundle = Bundle::load(dir.path(), &Device::flex()).unwrap();
    let draw = |bundle: &Bundle, neighbours| {
        let options = SampleOptions {
            neighbours,
            feature_noise: Some(0.0),
            ..SampleOptions::new("a person wearing a hat", 4)
        };
        bundle.sample(&options).unwrap().images.remove(0)
    };
    assert_eq!(draw(&bundle, None), draw(&bundle, Some(8)));
    assert_ne!(draw(&bundle, Some(8)), draw(&bundle, Some(0)));
    let edit = |neighbours| {
        let options = EditOptions {
            neighbours: Some(neighbours),
            ..EditOptions::new("a hat")
        };
        bundle.edit(&photo(), &options).unwrap().image
    };
    assert_ne!(edit(5), edit(0));
    // A bundle that remembers nothing takes the sentence itself, whatever is asked for.
    let forgetful = self::bundle();
    assert_eq!(draw(&forgetful, Some(8)), draw(&forgetful, Some(0)));
    let error = self::bundle()
        .with_memory(memory(7))
        .unwrap_err()
        .to_string();
    assert!(error.contains("12") && error.contains('7'), "{error}");
}

#[test]
fn notes_name_unknown_words_and_a_sentence_cut_short() {
    let bundle = bundle();
    let sampled = bundle
        .sample(&SampleOptions::new("a purple Dragon person", 0))
        .unwrap();
    assert_eq!(
        sampled.notes,
        [Note::UnknownWords(vec!["purple".into(), "dragon".into()])]
    );
    assert!(sampled.notes[0].to_string().contains("'purple', 'dragon'"));
    let long = "a person wearing a hat and glasses ".repeat(5);
    let sampled = bundle.sample(&SampleOptions::new(long, 0)).unwrap();
    assert_eq!(sampled.notes, [Note::Truncated { context_length: 16 }]);
}

#[test]
fn an_edit_of_strength_zero_is_the_reconstruction() {
    let bundle = bundle();
    for form in [EditForm::Sum, EditForm::Difference] {
        let edit = |strength| {
            let mut options = EditOptions::new("a person wearing glasses");
            options.form = form;
            options.strength = Some(strength);
            bundle.edit(&photo(), &options).unwrap()
        };
        let none = edit(0.0);
        assert_eq!(none.image, none.reconstruction);
        let some = edit(1.5);
        assert_eq!(some.reconstruction, none.reconstruction);
        assert_ne!(some.image, some.reconstruction);
    }
}

#[test]
fn an_edit_towards_the_neutral_sentence_changes_nothing() {
    let mut options = EditOptions::new("a person");
    options.neutral = Some("a person".into());
    let edited = bundle().edit(&photo(), &options).unwrap();
    assert_eq!(edited.image, edited.reconstruction);
}

#[test]
fn features_have_length_one() {
    let bundle = bundle();
    let (text, notes) = bundle.embed_text("a person in grey").unwrap();
    assert!(notes.is_empty());
    for feature in [text, bundle.embed_image(&photo())] {
        let length: f32 = feature.iter().map(|value| value * value).sum();
        assert!(feature.len() == 12 && (length - 1.0).abs() < 1e-5);
    }
}

#[test]
fn bad_options_say_what_would_do() {
    let bundle = bundle();
    let refused = |change: &dyn Fn(&mut SampleOptions)| {
        let mut options = SampleOptions::new("a hat", 0);
        change(&mut options);
        bundle.sample(&options).unwrap_err().to_string()
    };
    let cases = [
        (
            refused(&|o| o.prompt = " ,. ".into()),
            "prompt: expected a sentence",
        ),
        (refused(&|o| o.count = 0), "count: expected 1 to"),
        (
            refused(&|o| o.truncation = Some(1.5)),
            "truncation: expected a number from 0 to 1",
        ),
        (
            refused(&|o| o.feature_noise = Some(f64::NAN)),
            "feature_noise: expected",
        ),
        (
            refused(&|o| (o.seed, o.count) = (u64::MAX, 2)),
            "seed: expected at most",
        ),
    ];
    for (message, part) in cases {
        assert!(message.contains(part), "{message}");
    }
    let mut options = EditOptions::new("a hat");
    options.tries = 0;
    let error = bundle.edit(&photo(), &options).unwrap_err().to_string();
    assert!(error.contains("tries: expected 1 to 256"), "{error}");
}

#[test]
fn the_hash_changes_with_the_parts_and_not_with_other_files() {
    let dir = tempfile::tempdir().unwrap();
    let before = saved(dir.path()).hash().to_owned();
    fs::write(dir.path().join("ATTRIBUTION.md"), "x").unwrap();
    let load = || Bundle::load(dir.path(), &Device::flex()).unwrap();
    assert_eq!(load().hash(), before);
    let mut changed = load();
    changed.manifest.name = "other".into();
    assert_ne!(changed.save(dir.path()).unwrap(), before);
}

#[test]
fn broken_bundles_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let load = || Bundle::load(dir.path(), &Device::flex()).map(drop);
    let error = load().unwrap_err();
    assert!(matches!(error, Error::Missing { .. }));
    assert!(
        error.to_string().contains("bundle.json is missing"),
        "{error}"
    );

    drop(saved(dir.path()));
    let manifest = dir.path().join("bundle.json");
    let good = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, good.replace("\"format\": 1", "\"format\": 99")).unwrap();
    let error = load().unwrap_err().to_string();
    assert!(
        error.contains("format: expected 1") && error.contains("found 99"),
        "{error}"
    );
    fs::write(&manifest, "not json").unwrap();
    let error = load().unwrap_err().to_string();
    assert!(
        error.contains("bundle.json: the file: expected JSON"),
        "{error}"
    );
    fs::write(&manifest, good).unwrap();

    let weights = dir.path().join("mapper/model.safetensors");
    let bytes = fs::read(&weights).unwrap();
    fs::write(&weights, &bytes[..bytes.len() / 2]).unwrap();
    let error = load().unwrap_err().to_string();
    assert!(
        error.contains("model.safetensors") && error.contains("safetensors file"),
        "{error}"
    );
    fs::remove_file(&weights).unwrap();
    let error = load().unwrap_err().to_string();
    assert!(
        error.contains("mapper/model.safetensors is missing"),
        "{error}"
    );
    fs::write(&weights, &bytes).unwrap();
    assert!(load().is_ok());
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let Bundle {
        manifest,
        clip,
        tokenizer,
        generator,
        generator_config,
        ..
    } = bundle();
    let mapper = MapperConfig::new(13, 8, 4).init(&Device::flex());
    let error = Bundle::new(
        manifest,
        (clip, tokenizer),
        mapper,
        (generator, generator_config),
    )
    .unwrap_err()
    .to_string();
    assert!(
        error.contains("feature_dim: expected 13, found 12"),
        "{error}"
    );
}
