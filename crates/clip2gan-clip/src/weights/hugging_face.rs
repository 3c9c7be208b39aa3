//! Models of Hugging Face's `CLIPModel`: `config.json`, and names of arrays that say what they are.
//!
//! | theirs | ours (OpenAI's) |
//! |---|---|
//! | `text_model.…`, `vision_model.…` | `…`, `visual.…` |
//! | `embeddings.token_embedding`, `….position_embedding` | `token_embedding`, `positional_embedding` |
//! | `embeddings.patch_embedding`, `….class_embedding` | `conv1`, `class_embedding` |
//! | `encoder.layers.{i}` | `transformer.resblocks.{i}` |
//! | `self_attn.{q,k,v}_proj` | `attn.in_proj_{weight,bias}`, stacked |
//! | `layer_norm{1,2}`, `mlp.fc1`, `mlp.fc2` | `ln_{1,2}`, `mlp.c_fc`, `mlp.c_proj` |
//! | `pre_layrnorm` (sic), `post_layernorm`, `final_layer_norm` | `ln_pre`, `ln_post`, `ln_final` |
//! | `text_projection`, `visual_projection` | `text_projection`, `visual.proj`, transposed |

use std::collections::BTreeMap;

use clip2gan_weights::{Array, Arrays, Dtype};
use serde::Deserialize;

use super::key_error;
use crate::{
    Activation, ClipConfig, Error, Layers, OPENAI_MEAN, OPENAI_STD, TextConfig, VisionConfig,
};

/// `config.json`, as far as it matters here; what it leaves out has their defaults, ViT-B/32's.
#[derive(Deserialize)]
pub(super) struct Config {
    projection_dim: Option<usize>,
    #[serde(default)]
    text_config: Text,
    #[serde(default)]
    vision_config: Vision,
}

#[derive(Deserialize)]
#[serde(default)]
struct Text {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    max_position_embeddings: usize,
    hidden_act: String,
    projection_dim: usize,
}

impl Default for Text {
    fn default() -> Self {
        Self {
            vocab_size: 49408,
            hidden_size: 512,
            num_hidden_layers: 12,
            num_attention_heads: 8,
            max_position_embeddings: 77,
            hidden_act: "quick_gelu".into(),
            projection_dim: 512,
        }
    }
}

#[derive(Deserialize)]
#[serde(default)]
struct Vision {
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    image_size: usize,
    patch_size: usize,
    hidden_act: String,
}

impl Default for Vision {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            image_size: 224,
            patch_size: 32,
            hidden_act: "quick_gelu".into(),
        }
    }
}

impl Config {
    /// The same sizes as we write them.
    ///
    /// # Errors
    /// [`Error::Config`] for a non-linearity that is not CLIP's, or two different ones.
    pub fn sizes(&self) -> Result<ClipConfig, Error> {
        let (text, vision) = (&self.text_config, &self.vision_config);
        if text.hidden_act != vision.hidden_act {
            return Err(Error::Config {
                field: "hidden_act",
                expected: format!("{}, as the text tower's", text.hidden_act),
                found: vision.hidden_act.clone(),
            });
        }
        let activation = match text.hidden_act.as_str() {
            "quick_gelu" => Activation::QuickGelu,
            "gelu" => Activation::Gelu,
            other => {
                return Err(Error::Config {
                    field: "hidden_act",
                    expected: "quick_gelu or gelu".into(),
                    found: other.into(),
                });
            }
        };
        let config = ClipConfig {
            embed_dim: self.projection_dim.unwrap_or(text.projection_dim),
            vision: VisionConfig {
                image_size: vision.image_size,
                patch_size: vision.patch_size,
                width: vision.hidden_size,
                layers: Layers::Transformer(vision.num_hidden_layers),
                heads: vision.num_attention_heads,
            },
            text: TextConfig {
                context_length: text.max_position_embeddings,
                vocab_size: text.vocab_size,
                width: text.hidden_size,
                layers: text.num_hidden_layers,
                heads: text.num_attention_heads,
            },
            activation,
            mean: OPENAI_MEAN,
            std: OPENAI_STD,
        };
        config.validate()?;
        Ok(config)
    }
}

/// Renames the arrays, stacks queries, keys and values, and turns the projections round.
///
/// # Errors
/// [`Error::Key`] for a name that the table does not hold, or a part of a stack that is missing or of another shape.
pub(super) fn arrays(theirs: Arrays) -> Result<Arrays, Error> {
    let mut ours = Arrays::new();
    let mut stacks: BTreeMap<String, [Option<Array>; 3]> = BTreeMap::new();
    for (key, array) in theirs {
        // Older versions stored the numbers 0, 1, 2, … as a buffer.
        if key.ends_with(".position_ids") {
            continue;
        }
        match place(&key) {
            Some(Place::Key(our_key)) => {
                let turned = key.ends_with("_projection.weight");
                let array = if turned {
                    transposed(&key, &array)?
                } else {
                    array
                };
                ours.insert(our_key, array);
            }
            Some(Place::Stack(our_key, part)) => {
                stacks.entry(our_key).or_default()[part] = Some(array);
            }
            None => return Err(key_error(key, "a key of CLIPModel", "this")),
        }
    }
    for (key, parts) in stacks {
        let [Some(query), Some(key_), Some(value)] = parts else {
            return Err(key_error(
                key,
                "queries, keys and values",
                "not all of them",
            ));
        };
        let stacked = stack(&key, [query, key_, value])?;
        ours.insert(key, stacked);
    }
    Ok(ours)
}

/// Where an array goes.
enum Place {
    Key(String),
    /// To a part of a stacked array.
    Stack(String, usize),
}

fn place(key: &str) -> Option<Place> {
    let whole = match key {
        "logit_scale" => Some("logit_scale"),
        "text_projection.weight" => Some("text_projection"),
        "visual_projection.weight" => Some("visual.proj"),
        _ => None,
    };
    if let Some(whole) = whole {
        return Some(Place::Key(whole.into()));
    }
    let (tower, rest) = match key.split_once('.')? {
        ("text_model", rest) => ("", rest),
        ("vision_model", rest) => ("visual.", rest),
        _ => return None,
    };
    if let Some(rest) = rest.strip_prefix("encoder.layers.") {
        let (layer, rest) = rest.split_once('.')?;
        let layer: u16 = layer.parse().ok()?;
        let block = format!("{tower}transformer.resblocks.{layer}");
        let projections = ["q_proj.", "k_proj.", "v_proj."];
        if let Some(rest) = rest.strip_prefix("self_attn.") {
            let part = projections.iter().position(|name| rest.starts_with(name));
            return Some(match part {
                Some(part) => {
                    let kind = &rest[projections[part].len()..];
                    Place::Stack(format!("{block}.attn.in_proj_{kind}"), part)
                }
                None => Place::Key(format!("{block}.attn.{rest}")),
            });
        }
        let (layer, kind) = rest.rsplit_once('.')?;
        let layer = match layer {
            "layer_norm1" => "ln_1",
            "layer_norm2" => "ln_2",
            "mlp.fc1" => "mlp.c_fc",
            "mlp.fc2" => "mlp.c_proj",
            _ => return None,
        };
        return Some(Place::Key(format!("{block}.{layer}.{kind}")));
    }
    let name = match rest {
        "embeddings.token_embedding.weight" => "token_embedding.weight",
        "embeddings.position_embedding.weight" => "positional_embedding",
        "embeddings.class_embedding" => "class_embedding",
        "embeddings.patch_embedding.weight" => "conv1.weight",
        _ => {
            let (layer, kind) = rest.rsplit_once('.')?;
            let layer = match layer {
                "pre_layrnorm" => "ln_pre",
                "post_layernorm" => "ln_post",
                "final_layer_norm" => "ln_final",
                _ => return None,
            };
            return Some(Place::Key(format!("{tower}{layer}.{kind}")));
        }
    };
    Some(Place::Key(format!("{tower}{name}")))
}

/// Three arrays of one shape, along their first axis.
fn stack(key: &str, parts: [Array; 3]) -> Result<Array, Error> {
    let shape = parts[0].shape.clone();
    if let Some(other) = parts.iter().find(|part| part.shape != shape) {
        let expected = format!("queries, keys and values of shape {shape:?}");
        return Err(key_error(key, &expected, &format!("{:?}", other.shape)));
    }
    let Some((first, rest)) = shape.split_first() else {
        return Err(key_error(key, "at least one axis", "a single number"));
    };
    let values: Vec<f32> = parts.iter().flat_map(Array::to_f32).collect();
    let shape: Vec<usize> = [3 * first]
        .into_iter()
        .chain(rest.iter().copied())
        .collect();
    Ok(Array::from_f32(shape, &values))
}

fn transposed(key: &str, array: &Array) -> Result<Array, Error> {
    let &[rows, columns] = &array.shape[..] else {
        let found = format!("shape {:?}", array.shape);
        return Err(key_error(key, "a matrix", &found));
    };
    let values = array.cast(Dtype::F32).to_f32();
    let turned = (0..columns).flat_map(|column| {
        let values = &values;
        (0..rows).map(move |row| values[row * columns + column])
    });
    Ok(Array::from_f32(
        [columns, rows],
        &turned.collect::<Vec<f32>>(),
    ))
}
