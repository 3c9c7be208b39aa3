//! The gradient of a batch's contrastive loss: at once, or in parts with cached features.
//!
//! Every pair is told apart from all others of its batch, so parts cannot simply be added up. Gradient caching (Gao et al., arXiv
//! 2101.06983) encodes all parts without a graph, takes the loss's gradient with respect to the features alone, and then encodes each
//! part once more, with a graph, to carry that gradient on to the parameters. The result is that of the whole batch, in the memory of
//! a part.

use burn::module::Module;
use burn::tensor::{Int, Tensor, TensorData};
use clip2gan_train::{NamedGradients, rng};

use super::{Batch, TrainConfig, contrastive_loss};
use crate::{Clip, Error, ImageEncoder, Tokenizer};

/// A loss, and its gradient with respect to every parameter.
pub(super) struct LossGradients {
    pub loss: f32,
    pub gradients: NamedGradients,
}

/// Pictures and sentences of a part of a batch.
struct Part {
    pixels: Tensor<4>,
    captions: Vec<String>,
    /// The patches that are seen, `[pairs, kept]`; all of them where there are none.
    kept: Option<Tensor<2, Int>>,
}

/// The loss of step `step` on `batch` and its gradients. `clip` is on an autodiff device.
pub(super) fn gradients(
    clip: &Clip,
    batch: &Batch,
    tokenizer: &Tokenizer,
    config: &TrainConfig,
    step: u64,
) -> Result<LossGradients, Error> {
    let parts = parts(clip, batch, config, step);
    if let [part] = &parts[..] {
        let [image, text] = encode(clip, part, tokenizer)?;
        let loss = contrastive_loss(image, text, clip.logit_scale.val());
        return Ok(LossGradients {
            loss: loss.clone().into_scalar(),
            gradients: NamedGradients::take(clip, &mut loss.backward()),
        });
    }

    // All features, without a graph.
    let still = clip.valid();
    let mut features = [Vec::new(), Vec::new()];
    for part in &parts {
        for (all, feature) in features.iter_mut().zip(encode(&still, part, tokenizer)?) {
            all.push(feature);
        }
    }
    // The loss as a function of the features and of the scale.
    let leaves = features.map(|all| Tensor::cat(all, 0).autodiff().require_grad());
    let [image, text] = leaves.clone();
    let loss = contrastive_loss(image, text, clip.logit_scale.val());
    let value = loss.clone().into_scalar();
    let mut all = loss.backward();
    let cached = leaves.map(|leaf| {
        leaf.grad_remove(&mut all)
            .unwrap_or_else(|| leaf.inner().zeros_like())
    });
    let mut sum = NamedGradients::take(clip, &mut all);
    // Part by part on to the parameters.
    let mut start = 0;
    for part in &parts {
        let pairs = part.captions.len();
        let surrogate = encode(clip, part, tokenizer)?
            .into_iter()
            .zip(&cached)
            .map(|(feature, gradient)| (feature * gradient.clone().narrow(0, start, pairs)).sum())
            .reduce(|a, b| a + b);
        if let Some(surrogate) = surrogate {
            sum.accumulate(NamedGradients::take(clip, &mut surrogate.backward()));
        }
        start += pairs;
    }
    Ok(LossGradients {
        loss: value,
        gradients: sum,
    })
}

/// Features of pictures and of sentences, `[pairs, embed_dim]` each.
fn encode(clip: &Clip, part: &Part, tokenizer: &Tokenizer) -> Result<[Tensor<2>; 2], Error> {
    let pixels = clip.normalize_pixels(part.pixels.clone());
    let image = match (&clip.visual, &part.kept) {
        (ImageEncoder::Transformer(network), Some(kept)) => {
            network.forward_kept(pixels, kept.clone())
        }
        _ => clip.encode_image(pixels),
    };
    let (text, _) = clip.encode_sentences(tokenizer, &part.captions)?;
    Ok([image, text])
}

fn parts(clip: &Clip, batch: &Batch, config: &TrainConfig, step: u64) -> Vec<Part> {
    let device = clip.logit_scale.val().device().without_autodiff();
    let [pairs, ..] = batch.pixels.dims();
    let pixels = batch.pixels.clone().without_autodiff().to_device(&device);
    let kept = kept(clip, pairs, config, step);
    let size = pairs.div_ceil(config.accumulate);
    let mut parts = Vec::new();
    for start in (0..pairs).step_by(size) {
        let size = size.min(pairs - start);
        parts.push(Part {
            pixels: pixels.clone().narrow(0, start, size),
            captions: batch.captions[start..start + size].to_vec(),
            kept: kept.as_ref().map(|kept| {
                let rows: Vec<i32> = kept[start..start + size].concat();
                let width = rows.len() / size;
                Tensor::from_data(TensorData::new(rows, [size, width]), &device)
            }),
        });
    }
    parts
}

/// Patch dropout (Li et al., arXiv 2212.00794): which patches of each picture are seen, in their order. The same for the same step,
/// however the batch is parted.
fn kept(clip: &Clip, pairs: usize, config: &TrainConfig, step: u64) -> Option<Vec<Vec<i32>>> {
    if config.patch_dropout == 0.0 {
        return None;
    }
    let patches = clip.config().vision.grid().pow(2);
    let seen = ((patches as f64 * (1.0 - config.patch_dropout)).round() as usize).max(1);
    let mut rng = rng::stream(config.seed, "patch dropout", step);
    let rows = (0..pairs).map(|_| {
        let mut order = rng::permutation(&mut rng, patches);
        order.truncate(seen);
        order.sort_unstable();
        order.into_iter().map(|patch| patch as i32).collect()
    });
    Some(rows.collect())
}
