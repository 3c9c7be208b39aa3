//! Writes two arrays, one of them in half precision, and reads them again.
//!
//! `cargo run -p clip2gan-weights --example roundtrip`

use clip2gan_weights::{Array, Arrays, Dtype, Metadata, read_safetensors, write_safetensors};

fn main() -> clip2gan_weights::Result<()> {
    let weight = Array::from_f32([2, 2], &[1.0, 2.0, 3.0, 4.0]);
    let arrays = Arrays::from([
        ("layer.weight".to_owned(), weight.cast(Dtype::F16)),
        ("layer.bias".to_owned(), Array::from_f32([2], &[0.5, -0.5])),
    ]);
    let metadata = Metadata::from([("format".to_owned(), "clip2gan".to_owned())]);
    let path = std::env::temp_dir().join("clip2gan-roundtrip.safetensors");
    write_safetensors(&path, &arrays, &metadata)?;
    let (arrays, metadata) = read_safetensors(&path)?;
    for (name, array) in &arrays {
        println!(
            "{name}: {} {:?} = {:?}",
            array.dtype,
            array.shape,
            array.to_f32()
        );
    }
    println!("{metadata:?}");
    Ok(())
}
