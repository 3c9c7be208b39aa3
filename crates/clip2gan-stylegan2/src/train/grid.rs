//! Sample grids as PNG.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use burn::tensor::Tensor;

use crate::{Error, Result};

/// Writes `images [n, 1 or 3, h, w]` (−1..1, clamped) as one PNG with `columns` pictures per row.
///
/// # Errors
/// If the tensor has another number of channels or the file cannot be written.
pub fn write_grid(images: Tensor<4>, columns: usize, path: &Path) -> Result<()> {
    let [n, channels, height, width] = images.dims();
    if channels != 1 && channels != 3 {
        return Err(Error::Shape {
            what: "images",
            expected: vec![n, 3, height, width],
            found: images.dims().to_vec(),
        });
    }
    let columns = columns.clamp(1, n.max(1));
    let rows = n.div_ceil(columns);
    let values: Vec<f32> = images
        .into_data()
        .convert::<f32>()
        .try_into_vec()
        .unwrap_or_default();
    let stride = columns * width * channels;
    let mut pixels = vec![0_u8; rows * height * stride];
    for (index, image) in values.chunks_exact(channels * height * width).enumerate() {
        let corner = index / columns * height * stride + index % columns * width * channels;
        for (position, value) in image.iter().enumerate() {
            let (channel, y, x) = (
                position / (height * width),
                position / width % height,
                position % width,
            );
            pixels[corner + y * stride + x * channels + channel] = to_u8(*value);
        }
    }
    write_png(
        path,
        (columns * width) as u32,
        (rows * height) as u32,
        channels,
        &pixels,
    )
    .map_err(|source| Error::Io {
        path: path.into(),
        source,
    })
}

/// `127.5·x + 128` cut to a byte, as the reference does it.
fn to_u8(value: f32) -> u8 {
    (value * 127.5 + 128.0).clamp(0.0, 255.0) as u8
}

fn write_png(
    path: &Path,
    width: u32,
    height: u32,
    channels: usize,
    pixels: &[u8],
) -> std::io::Result<()> {
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(path)?), width, height);
    encoder.set_color(if channels == 1 {
        png::ColorType::Grayscale
    } else {
        png::ColorType::Rgb
    });
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    Ok(writer.finish()?)
}
