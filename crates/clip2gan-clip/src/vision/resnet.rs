//! CLIP's residual network (Radford et al. 2021, section 2.4; `ModifiedResNet` of OpenAI's code): a stem of three
//! convolutions, average pooling before every convolution that would have a stride, and attention pooling at the end.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;

use super::AttentionPool;
use crate::VisionConfig;
use crate::layers::Init;

/// A block's last convolution has so many times the channels of the others.
const EXPANSION: usize = 4;

/// A convolution without bias.
#[derive(Module, Debug)]
pub struct Convolution {
    /// `[out, in, k, k]`, k odd.
    pub weight: Param<Tensor<4>>,
}

impl Convolution {
    fn new(inputs: usize, outputs: usize, kernel: usize, init: &mut Init) -> Self {
        let std = ((inputs * kernel * kernel) as f32).powf(-0.5);
        Self {
            weight: init.normal([outputs, inputs, kernel, kernel], std),
        }
    }

    /// `[n, in, h, w]` → `[n, out, h / stride, w / stride]`.
    pub fn forward(&self, x: Tensor<4>, stride: usize) -> Tensor<4> {
        let weight = self.weight.val();
        let padding = weight.dims()[2] / 2;
        let options = ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1);
        conv2d(x, weight, None, options)
    }
}

/// Batch normalisation with the statistics of training, which stay as they are.
#[derive(Module, Debug)]
pub struct BatchNormalization {
    /// `[channels]`.
    pub weight: Param<Tensor<1>>,
    /// `[channels]`.
    pub bias: Param<Tensor<1>>,
    /// `[channels]`; a buffer.
    pub running_mean: Param<Tensor<1>>,
    /// `[channels]`; a buffer.
    pub running_var: Param<Tensor<1>>,
}

impl BatchNormalization {
    fn new(channels: usize, init: &mut Init) -> Self {
        Self {
            weight: init.constant([channels], 1.0),
            bias: init.constant([channels], 0.0),
            running_mean: init.buffer([channels], 0.0),
            running_var: init.buffer([channels], 1.0),
        }
    }

    /// `(x − mean) / √(var + 1e-5) · weight + bias` of each channel of `[n, channels, h, w]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let channels = x.dims()[1];
        let scale = self.weight.val() / (self.running_var.val() + 1e-5).sqrt();
        let shift = self.bias.val() - self.running_mean.val() * scale.clone();
        let [scale, shift] = [scale, shift].map(|it| it.reshape([1, channels, 1, 1]));
        x * scale + shift
    }
}

/// The shortcut of a block that changes size or channels; average pooling stands before it.
#[derive(Module, Debug)]
pub struct Downsample {
    /// 1×1 convolution.
    pub conv: Convolution,
    /// Its normalisation.
    pub norm: BatchNormalization,
}

/// 1×1, 3×3 and 1×1 convolution around a shortcut.
#[derive(Module, Debug)]
pub struct Bottleneck {
    /// 1×1: fewer channels.
    pub conv1: Convolution,
    /// After `conv1`.
    pub bn1: BatchNormalization,
    /// 3×3.
    pub conv2: Convolution,
    /// After `conv2`.
    pub bn2: BatchNormalization,
    /// 1×1: more channels.
    pub conv3: Convolution,
    /// After `conv3`.
    pub bn3: BatchNormalization,
    /// The shortcut, where it is not the identity.
    pub downsample: Option<Downsample>,
    stride: usize,
}

impl Bottleneck {
    fn new(inputs: usize, channels: usize, stride: usize, init: &mut Init) -> Self {
        let outputs = channels * EXPANSION;
        Self {
            conv1: Convolution::new(inputs, channels, 1, init),
            bn1: BatchNormalization::new(channels, init),
            conv2: Convolution::new(channels, channels, 3, init),
            bn2: BatchNormalization::new(channels, init),
            conv3: Convolution::new(channels, outputs, 1, init),
            bn3: BatchNormalization::new(outputs, init),
            downsample: (stride > 1 || inputs != outputs).then(|| Downsample {
                conv: Convolution::new(inputs, outputs, 1, init),
                norm: BatchNormalization::new(outputs, init),
            }),
            stride,
        }
    }

    /// `[n, in, h, w]` → `[n, 4·channels, h / stride, w / stride]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let shortcut = match &self.downsample {
            None => x.clone(),
            Some(Downsample { conv, norm }) => {
                norm.forward(conv.forward(pooled(x.clone(), self.stride), 1))
            }
        };
        let x = relu(self.bn1.forward(self.conv1.forward(x, 1)));
        let x = relu(self.bn2.forward(self.conv2.forward(x, 1)));
        let x = self.conv3.forward(pooled(x, self.stride), 1);
        relu(self.bn3.forward(x) + shortcut)
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct ResNet {
    /// 3×3 with stride 2: the stem's first convolution.
    pub conv1: Convolution,
    /// After `conv1`.
    pub bn1: BatchNormalization,
    /// 3×3.
    pub conv2: Convolution,
    /// After `conv2`.
    pub bn2: BatchNormalization,
    /// 3×3.
    pub conv3: Convolution,
    /// After `conv3`.
    pub bn3: BatchNormalization,
    /// The stages; all but the first halve the size.
    pub layer1: Vec<Bottleneck>,
    /// Second stage.
    pub layer2: Vec<Bottleneck>,
    /// Third stage.
    pub layer3: Vec<Bottleneck>,
    /// Fourth stage.
    pub layer4: Vec<Bottleneck>,
    /// From places to one feature.
    pub attnpool: AttentionPool,
}

impl ResNet {
    pub(crate) fn new(
        config: &VisionConfig,
        blocks: [usize; 4],
        embed_dim: usize,
        init: &mut Init,
    ) -> Self {
        let width = config.width;
        let mut inputs = width;
        let mut stage = |index: usize, init: &mut Init| {
            let channels = width << index;
            (0..blocks[index])
                .map(|block| {
                    let stride = if block == 0 && index > 0 { 2 } else { 1 };
                    let bottleneck = Bottleneck::new(inputs, channels, stride, init);
                    inputs = channels * EXPANSION;
                    bottleneck
                })
                .collect::<Vec<_>>()
        };
        Self {
            conv1: Convolution::new(3, width / 2, 3, init),
            bn1: BatchNormalization::new(width / 2, init),
            conv2: Convolution::new(width / 2, width / 2, 3, init),
            bn2: BatchNormalization::new(width / 2, init),
            conv3: Convolution::new(width / 2, width, 3, init),
            bn3: BatchNormalization::new(width, init),
            layer1: stage(0, init),
            layer2: stage(1, init),
            layer3: stage(2, init),
            layer4: stage(3, init),
            attnpool: AttentionPool::new(
                config.image_size / 32,
                width * 32,
                config.heads,
                embed_dim,
                init,
            ),
        }
    }

    /// See [`ImageEncoder::perceive`](super::ImageEncoder::perceive).
    pub fn perceive(&self, pixels: Tensor<4>) -> (Vec<Tensor<3>>, Tensor<2>) {
        let x = relu(self.bn1.forward(self.conv1.forward(pixels, 2)));
        let x = relu(self.bn2.forward(self.conv2.forward(x, 1)));
        let x = relu(self.bn3.forward(self.conv3.forward(x, 1)));
        let mut x = pooled(x, 2);
        let mut seen = Vec::new();
        for stage in [&self.layer1, &self.layer2, &self.layer3, &self.layer4] {
            x = stage.iter().fold(x, |x, block| block.forward(x));
            seen.push(places(x.clone()));
        }
        (seen, self.attnpool.forward(places(x)))
    }
}

/// `[n, c, h, w]` → `[n, h·w, c]`.
fn places(x: Tensor<4>) -> Tensor<3> {
    let [n, c, h, w] = x.dims();
    x.reshape([n, c, h * w]).swap_dims(1, 2)
}

/// Means of squares of `size` × `size` pixels; what does not fill a square is left out.
fn pooled(x: Tensor<4>, size: usize) -> Tensor<4> {
    if size == 1 {
        return x;
    }
    let [n, c, height, width] = x.dims();
    let [rows, columns] = [height / size, width / size];
    let x = x.narrow(2, 0, rows * size).narrow(3, 0, columns * size);
    x.reshape([n * c, rows, size, columns, size])
        .mean_dim(4)
        .mean_dim(2)
        .reshape([n, c, rows, columns])
}
