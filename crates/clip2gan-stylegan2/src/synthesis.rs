//! Synthesis network: `ws → image` (StyleGAN2, figure 2 and figure 7b: output skips).

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use clip2gan_kernels::upfirdn2d;
use clip2gan_train::rng;

use crate::GeneratorConfig;
use crate::init::Init;
use crate::layers::{RESAMPLE_FILTER, SynthesisLayer, ToRgb};

/// Where the noise of the synthesis layers comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoiseMode {
    /// No noise.
    None,
    /// The noise saved with the network: the same for every image.
    Const,
    /// Fresh noise per image, a pure function of the seed.
    Random {
        /// Seed of the noise.
        seed: u64,
    },
}

/// The synthesis network.
#[derive(Module, Debug)]
pub struct Synthesis {
    /// One block per resolution, from 4 up.
    pub blocks: Vec<SynthesisBlock>,
}

impl Synthesis {
    pub(crate) fn new(config: &GeneratorConfig, init: &mut Init) -> Self {
        let resolutions = config.block_resolutions();
        Self {
            blocks: resolutions
                .iter()
                .map(|&r| SynthesisBlock::new(config, r, init))
                .collect(),
        }
    }

    /// Number of latents: two per block.
    pub fn num_ws(&self) -> usize {
        2 * self.blocks.len()
    }

    /// `ws [n, num_ws, w_dim] → image [n, channels, r, r]`.
    ///
    /// # Panics
    /// If `ws` has another number of latents than [`num_ws`](Self::num_ws).
    pub fn forward(&self, ws: Tensor<3>, noise: NoiseMode) -> Tensor<4> {
        self.features(ws, noise)
            .pop()
            .expect("a network has blocks")
            .rgb
    }

    /// What every block makes of `ws [n, num_ws, w_dim]`, from the smallest.
    ///
    /// # Panics
    /// If `ws` has another number of latents than [`num_ws`](Self::num_ws).
    pub fn features(&self, ws: Tensor<3>, noise: NoiseMode) -> Vec<BlockOutput> {
        assert_eq!(ws.dims()[1], self.num_ws(), "number of latents");
        let mut outputs: Vec<BlockOutput> = Vec::with_capacity(self.blocks.len());
        for (index, block) in self.blocks.iter().enumerate() {
            // A block's ToRGB shares its latent with the next block's first layer.
            let first = (2 * index).saturating_sub(1);
            let output = block.forward(outputs.last(), &ws, first, noise);
            outputs.push(output);
        }
        outputs
    }
}

/// What a block hands to the next one.
#[derive(Clone, Debug)]
pub struct BlockOutput {
    /// `[n, c, r, r]`.
    pub features: Tensor<4>,
    /// `[n, channels, r, r]`: the image so far.
    pub rgb: Tensor<4>,
}

/// The layers of one resolution.
#[derive(Module, Debug)]
pub struct SynthesisBlock {
    /// `[c, 4, 4]`: the learnt input, in the first block only.
    pub constant: Option<Param<Tensor<3>>>,
    /// The doubling layer, in every block but the first.
    pub conv0: Option<SynthesisLayer>,
    /// The second layer.
    pub conv1: SynthesisLayer,
    /// Features to colours.
    pub to_rgb: ToRgb,
}

impl SynthesisBlock {
    fn new(config: &GeneratorConfig, resolution: usize, init: &mut Init) -> Self {
        let outputs = config.channels(resolution);
        let first = resolution == 4;
        Self {
            constant: first.then(|| init.normal([outputs, 4, 4], 1.0)),
            conv0: (!first).then(|| {
                let inputs = config.channels(resolution / 2);
                SynthesisLayer::new(inputs, outputs, config.w_dim, resolution, true, init)
            }),
            conv1: SynthesisLayer::new(outputs, outputs, config.w_dim, resolution, false, init),
            to_rgb: ToRgb::new(outputs, config.img_channels, config.w_dim, init),
        }
    }

    /// `first` is the index of the block's first latent in `ws`.
    fn forward(
        &self,
        previous: Option<&BlockOutput>,
        ws: &Tensor<3>,
        first: usize,
        noise: NoiseMode,
    ) -> BlockOutput {
        let [batch, ..] = ws.dims();
        let latent = |index: usize| -> Tensor<2> { ws.clone().narrow(1, index, 1).squeeze_dim(1) };
        let layer_noise = |layer: &SynthesisLayer, index: usize| match noise {
            NoiseMode::None => None,
            NoiseMode::Const => Some(layer.constant_noise()),
            NoiseMode::Random { seed } => {
                let [height, width] = layer.noise_const.dims();
                let mut rng = rng::stream(seed, "synthesis noise", index as u64);
                let device = ws.device().without_autodiff();
                Some(rng::randn([batch, 1, height, width], &mut rng, &device))
            }
        };
        let mut index = first;
        let mut features = match (&self.constant, previous) {
            (Some(constant), _) => constant.val().unsqueeze::<4>().repeat_dim(0, batch),
            (None, Some(previous)) => previous.features.clone(),
            (None, None) => panic!("only the first block has no predecessor"),
        };
        if let Some(conv0) = &self.conv0 {
            features = conv0.forward(features, latent(index), layer_noise(conv0, index));
            index += 1;
        }
        features = self
            .conv1
            .forward(features, latent(index), layer_noise(&self.conv1, index));
        let mut rgb = self.to_rgb.forward(features.clone(), latent(index + 1));
        if let Some(previous) = previous {
            rgb = rgb
                + upfirdn2d(
                    previous.rgb.clone(),
                    &RESAMPLE_FILTER,
                    2,
                    1,
                    [2, 1, 2, 1],
                    4.0,
                );
        }
        BlockOutput { features, rgb }
    }
}
