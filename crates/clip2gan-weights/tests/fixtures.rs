//! Checkpoints written by the reference implementations.

mod common;

use clip2gan_weights::{
    Array, Arrays, Dtype, Family, Format, Metadata, describe, read_checkpoint, read_safetensors,
    write_safetensors,
};
use common::fixture;
use serde_json::json;

/// The arrays below a key.
fn below(arrays: &Arrays, key: &str) -> Arrays {
    let inner = arrays.iter().filter_map(|(name, array)| {
        let name = name.strip_prefix(key)?.strip_prefix('.')?;
        Some((name.to_owned(), array.clone()))
    });
    inner.collect()
}

#[test]
fn a_pickle_of_nvlabs_holds_the_networks_and_how_they_were_made() {
    let checkpoint = read_checkpoint(fixture("nv32.pkl")).unwrap();
    assert_eq!(checkpoint.format, Format::Pickle);
    assert_eq!(checkpoint.family, Family::StyleGan2Nvlabs);

    let (generator, _) = read_safetensors(fixture("nv32_g.safetensors")).unwrap();
    let (discriminator, _) = read_safetensors(fixture("nv32_d.safetensors")).unwrap();
    assert_eq!(below(&checkpoint.arrays, "G_ema"), generator);
    assert_eq!(below(&checkpoint.arrays, "G"), generator);
    assert_eq!(below(&checkpoint.arrays, "D"), discriminator);
    assert_eq!(
        checkpoint.arrays.len(),
        2 * generator.len() + discriminator.len()
    );

    let module = &checkpoint.modules["G_ema"];
    assert_eq!(module.class, "Generator");
    assert_eq!(module.attributes["z_dim"], json!(32));
    assert_eq!(module.attributes["img_resolution"], json!(32));
    assert_eq!(module.init_kwargs["mapping_kwargs"]["num_layers"], json!(2));
    assert_eq!(
        module.init_kwargs["synthesis_kwargs"]["channel_base"],
        json!(1024)
    );
    let layer = &checkpoint.modules["G_ema.mapping.fc0"];
    assert_eq!(layer.class, "FullyConnectedLayer");
    // A number of NumPy's.
    let gain = layer.attributes["weight_gain"].as_f64().unwrap();
    assert!((gain - 0.01 / 32f64.sqrt()).abs() < 1e-12, "{gain}");
    assert_eq!(
        checkpoint.values["training_set_kwargs.resolution"],
        json!(32)
    );
    assert_eq!(checkpoint.values["augment_pipe"], json!(null));
}

#[test]
fn an_archive_of_rosinality_holds_its_networks() {
    let checkpoint = read_checkpoint(fixture("ros32.pt")).unwrap();
    assert_eq!(checkpoint.format, Format::Torch);
    assert_eq!(checkpoint.family, Family::StyleGan2Rosinality);
    let shape = |key: &str| &checkpoint.arrays[key].shape[..];
    assert_eq!(shape("g_ema.style.1.weight"), [32, 32]);
    assert_eq!(shape("g_ema.input.input"), [1, 16, 4, 4]);
    assert_eq!(shape("latent_avg"), [32]);
    assert!(shape("d.final_linear.0.weight").len() == 2);
    // The blur's kernel is known in closed form, and so tells offsets and strides that are wrong.
    let kernel = checkpoint.arrays["g_ema.convs.0.conv.blur.kernel"].to_f32();
    let taps = [1.0, 3.0, 3.0, 1.0];
    let expected: Vec<f32> = taps
        .iter()
        .flat_map(|a| taps.iter().map(move |b| a * b / 16.0))
        .collect();
    assert_eq!(kernel, expected);
}

#[test]
fn a_description_says_what_reading_gives() {
    for name in ["nv32.pkl", "ros32.pt", "nv32_g.safetensors"] {
        let read = read_checkpoint(fixture(name)).unwrap();
        let described = describe(fixture(name)).unwrap();
        assert_eq!(
            (described.format, described.family),
            (read.format, read.family)
        );
        assert!(described.arrays.keys().eq(read.arrays.keys()));
        for (key, info) in &described.arrays {
            let array = &read.arrays[key];
            assert_eq!((info.dtype, &info.shape), (array.dtype, &array.shape));
        }
        assert_eq!(described.modules, read.modules);
        assert_eq!(described.values, read.values);
        assert_eq!(described.metadata, read.metadata);
        let elements: usize = read.arrays.values().map(Array::len).sum();
        assert_eq!(described.elements(), elements as u64);
        assert_eq!(described.dtypes(), [Dtype::F32].into());
    }
}

#[test]
fn what_was_read_is_written_as_safetensors_and_read_again() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["nv32.pkl", "ros32.pt"] {
        let arrays = read_checkpoint(fixture(name)).unwrap().arrays;
        let path = folder.path().join(name);
        write_safetensors(&path, &arrays, &Metadata::new()).unwrap();
        let again = read_checkpoint(&path).unwrap();
        // The format is told by the bytes, whatever the name.
        assert_eq!(again.format, Format::Safetensors);
        assert_eq!(again.arrays, arrays);
    }
}
