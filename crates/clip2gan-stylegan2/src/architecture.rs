//! How the blocks of a network are joined.

use serde::{Deserialize, Serialize};

/// StyleGAN2, figure 7: how images enter or leave the blocks of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// A plain chain of blocks (a): colours at the full resolution only.
    Orig,
    /// Output or input skips (b): colours at every resolution, summed. The generator's default.
    Skip,
    /// Residual blocks (c): colours at the full resolution only. The discriminator's default.
    Resnet,
}

impl Architecture {
    pub(crate) fn is_skip(&self) -> bool {
        *self == Self::Skip
    }

    pub(crate) fn is_resnet(&self) -> bool {
        *self == Self::Resnet
    }
}

/// Which synthesis network a generator has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SynthesisKind {
    /// Modulated convolutions (StyleGAN2).
    #[default]
    StyleGan2,
    /// Adaptive instance normalisation (StyleGAN).
    StyleGan1,
}

impl SynthesisKind {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
