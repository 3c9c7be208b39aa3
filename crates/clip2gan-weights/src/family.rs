//! Which networks a checkpoint holds, told by the names of its arrays.

use std::fmt;

/// A family of networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Family {
    /// StyleGAN2 with the names of NVlabs' PyTorch code.
    StyleGan2Nvlabs,
    /// StyleGAN2 with the names of rosinality's code.
    StyleGan2Rosinality,
    /// CLIP with the names of OpenAI's code, OpenCLIP included.
    ClipOpenAi,
    /// CLIP with the names of Hugging Face's code.
    ClipHuggingFace,
    /// Something else.
    Unknown,
}

impl Family {
    /// The family that has arrays of these names; the names may all be below others, as `g_ema` in `g_ema.style.1.weight`.
    pub fn of<'a>(keys: impl Iterator<Item = &'a str> + Clone) -> Family {
        const MARKS: [(Family, [&str; 2]); 5] = [
            (
                Family::StyleGan2Nvlabs,
                ["mapping.fc0.weight", "synthesis.b4.conv1.weight"],
            ),
            (Family::StyleGan2Nvlabs, ["b4.conv.weight", "b4.out.weight"]),
            (
                Family::StyleGan2Rosinality,
                ["style.1.weight", "to_rgb1.conv.weight"],
            ),
            (
                Family::ClipOpenAi,
                ["token_embedding.weight", "visual.conv1.weight"],
            ),
            (
                Family::ClipHuggingFace,
                [
                    "text_model.embeddings.token_embedding.weight",
                    "vision_model.embeddings.patch_embedding.weight",
                ],
            ),
        ];
        let has = |mark: &str| {
            keys.clone().any(|key| {
                key.strip_suffix(mark)
                    .is_some_and(|above| above.is_empty() || above.ends_with('.'))
            })
        };
        MARKS
            .into_iter()
            .find(|(_, marks)| marks.iter().all(|mark| has(mark)))
            .map_or(Family::Unknown, |(family, _)| family)
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Family::StyleGan2Nvlabs => "StyleGAN2 (NVlabs)",
            Family::StyleGan2Rosinality => "StyleGAN2 (rosinality)",
            Family::ClipOpenAi => "CLIP (OpenAI)",
            Family::ClipHuggingFace => "CLIP (Hugging Face)",
            Family::Unknown => "unknown",
        })
    }
}
