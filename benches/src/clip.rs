//! Group `clip`: both encoders of CLIP at the sizes of ViT-B/32, with drawn weights.

use burn::tensor::{Device, Int, Tensor, TensorData};
use clip2gan_clip::{Clip, ClipConfig, Layers};
use clip2gan_train::{params, rng};
use clip2gan_weights::{Array, Arrays};

use crate::case::{Case, Scale, Task, Work};
use crate::conv::{array, values};
use crate::{Cost, Result};

/// One case for each encoder.
pub fn cases(scale: Scale) -> Vec<Case> {
    let (name, clip, [images, texts]) = match scale {
        Scale::Full => ("ViT-B/32", ClipConfig::vit_b_32(), [8, 32]),
        Scale::Tiny => ("tiny", ClipConfig::avatars(), [2, 2]),
    };
    let case = |what: &str, batch, task| Case {
        group: "clip",
        name: format!("{name} {what} batch {batch}"),
        task,
    };
    let image = Task::ClipImage {
        batch: images,
        clip: clip.clone(),
    };
    let text = Task::ClipText { batch: texts, clip };
    vec![case("image", images, image), case("text", texts, text)]
}

/// A transformer of `[batch, length, width]`, layer by layer.
fn transformer_cost(batch: usize, length: usize, width: usize, layers: usize) -> Cost {
    let rows = batch * length;
    let products = Cost::linear(rows, width, 3 * width)
        + Cost::linear(rows, width, width)
        + Cost::linear(rows, width, 4 * width)
        + Cost::linear(rows, 4 * width, width);
    (products + Cost::attention(batch, length, width)) * layers as f64
}

/// The image encoder, if it is a transformer.
pub fn image_cost(batch: usize, config: &ClipConfig) -> Cost {
    let vision = &config.vision;
    let Layers::Transformer(layers) = vision.layers else {
        return Cost::default();
    };
    let patches = (vision.image_size / vision.patch_size).pow(2);
    let pixels = 3 * vision.patch_size * vision.patch_size;
    Cost::linear(batch * patches, pixels, vision.width)
        + transformer_cost(batch, patches + 1, vision.width, layers)
        + Cost::linear(batch, vision.width, config.embed_dim)
}

/// The text encoder at the full context length.
pub fn text_cost(batch: usize, config: &ClipConfig) -> Cost {
    let text = &config.text;
    transformer_cost(batch, text.context_length, text.width, text.layers)
        + Cost::linear(batch, text.width, config.embed_dim)
}

/// The image encoder with pixels.
pub struct Image {
    clip: Clip,
    pixels: Tensor<4>,
}

impl Image {
    /// Draws weights and pixels.
    pub fn new(batch: usize, config: &ClipConfig) -> Self {
        let device = Device::flex();
        let size = config.vision.image_size;
        let mut rng = rng::stream(0, "bench.clip", 0);
        let pixels = rng::randn([batch, 3, size, size], &mut rng, &device);
        let clip = config.init(&device);
        Self { clip, pixels }
    }

    fn compute(&self) -> Tensor<2> {
        self.clip.encode_image(self.pixels.clone())
    }
}

impl Work for Image {
    fn run(&mut self) -> Result<()> {
        drop(self.compute());
        Ok(())
    }

    fn result(&mut self) -> Result<Option<Vec<f32>>> {
        Ok(Some(values(self.compute())))
    }

    fn arrays(&self) -> Arrays {
        let mut arrays = weights(&self.clip, true);
        arrays.insert("pixels".into(), array(self.pixels.clone()));
        arrays
    }
}

/// The text encoder with token ids.
pub struct Text {
    clip: Clip,
    ids: Tensor<2, Int>,
}

impl Text {
    /// Draws weights and ids; each text fills its context and ends with the token of the highest id.
    pub fn new(batch: usize, config: &ClipConfig) -> Self {
        let device = Device::flex();
        let [length, vocabulary] = [config.text.context_length, config.text.vocab_size];
        let mut rng = rng::stream(0, "bench.clip", 0);
        let ids = (0..batch * length).map(|place| match place % length {
            last if last == length - 1 => vocabulary as i64 - 1,
            _ => rng::index(&mut rng, vocabulary - 1) as i64,
        });
        let ids = TensorData::new(ids.collect::<Vec<i64>>(), [batch, length]);
        Self {
            clip: config.init(&device),
            ids: Tensor::from_data(ids, &device),
        }
    }

    fn compute(&self) -> Tensor<2> {
        self.clip.encode_text(self.ids.clone())
    }
}

impl Work for Text {
    fn run(&mut self) -> Result<()> {
        drop(self.compute());
        Ok(())
    }

    fn result(&mut self) -> Result<Option<Vec<f32>>> {
        Ok(Some(values(self.compute())))
    }

    fn arrays(&self) -> Arrays {
        let mut arrays = weights(&self.clip, false);
        let ids: Vec<i64> = self.ids.clone().into_data().iter::<i64>().collect();
        let ids = Array::from_i64(self.ids.dims(), &ids);
        arrays.insert("ids".into(), ids);
        arrays
    }
}

/// The parameters of one encoder.
fn weights(clip: &Clip, visual: bool) -> Arrays {
    let mut arrays = params::to_arrays(clip);
    arrays.retain(|key, _| key.starts_with("visual.") == visual && key != "logit_scale");
    arrays
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_takes_as_much_as_is_known_of_this_model() {
        // 4.4 G multiplications and additions as pairs, so 8.8 G operations.
        let cost = image_cost(1, &ClipConfig::vit_b_32());
        assert!((8.6e9..8.9e9).contains(&cost.flops), "{cost:?}");
    }
}
