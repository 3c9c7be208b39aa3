"""StyleGAN2 in PyTorch, sizes and names as in crates/clip2gan-stylegan2.

Written to be fast: modulation scales input and output of one convolution, which was faster than weights for each image
wherever it is used here, and constants are folded where the runtime would compute them anew.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

TAPS = (0.125, 0.375, 0.375, 0.125)
# From this resolution on, PyTorch was faster with weights for each image: they are little beside the map. ONNX Runtime
# never was, because its fast kernels want constant weights; in training the scaled form needs less memory.
FOLDED_FROM = 128


def kernel(x, gain):
    """The low-pass filter for each channel of `x`."""
    taps = torch.tensor(TAPS, dtype=x.dtype, device=x.device)
    return (gain * taps[:, None] * taps[None, :]).expand(x.shape[1], 1, 4, 4)


def filtered(x, pad, gain=1.0, down=1):
    """The low-pass filter as one depthwise convolution: PyTorch and ONNX Runtime have kernels of their own for those, which
    were several times faster than two one-dimensional passes, and than channels as images of their own."""
    return F.conv2d(x, kernel(x, gain), padding=pad, stride=down, groups=x.shape[1])


def upsample(x):
    return F.conv_transpose2d(x, kernel(x, 4.0), stride=2, padding=1, groups=x.shape[1])


def downsample(x):
    return filtered(x, pad=1, down=2)


class FullyConnected(nn.Module):
    def __init__(self, inputs, outputs, lr_mul=1.0, lrelu=False):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.lr_mul, self.lrelu = lr_mul, lrelu
        self.gain = lr_mul / math.sqrt(inputs)

    def forward(self, x):
        bias = self.bias if self.lr_mul == 1.0 else self.bias * self.lr_mul
        y = torch.addmm(bias, x, self.weight.t(), alpha=self.gain)
        return F.leaky_relu(y, 0.2) * math.sqrt(2) if self.lrelu else y


class SynthesisLayer(nn.Module):
    def __init__(self, inputs, outputs, w_dim, resolution, up):
        super().__init__()
        self.affine = FullyConnected(w_dim, inputs)
        self.weight = nn.Parameter(torch.empty(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.noise_strength = nn.Parameter(torch.empty(1))
        self.register_buffer("noise_const", torch.empty(resolution, resolution))
        self.up = up

    def forward(self, x, w, noise):
        style = self.affine(w)
        # √2 is positive and goes through the leaky ReLU, so it is folded into what is multiplied or added anyway.
        gain = math.sqrt(2)
        added = (self.bias * gain)[None, :, None, None]
        if noise:
            added = added + self.noise_const * (self.noise_strength * gain)
        if torch.is_inference_mode_enabled() and self.noise_const.shape[0] >= FOLDED_FROM:
            return F.leaky_relu(self.folded(x, style, gain) + added, 0.2)
        energy = self.weight.square().sum([2, 3])
        demodulation = (style.square() @ energy.t() + 1e-8).rsqrt()
        x = self.convolve(x * style[:, :, None, None], self.weight, 1)
        x = torch.addcmul(added, x, (demodulation * gain)[:, :, None, None])
        return F.leaky_relu(x, 0.2)

    def folded(self, x, style, gain):
        """The paper's form: weights for each image, in one grouped convolution."""
        n, i, h, width = x.shape
        weight = self.weight[None] * style[:, None, :, None, None]
        weight = weight * (gain * (weight.square().sum([2, 3, 4], keepdim=True) + 1e-8).rsqrt())
        x = self.convolve(x.reshape(1, n * i, h, width), weight.flatten(0, 1), n)
        return x.reshape(n, -1, x.shape[2], x.shape[3])

    def convolve(self, x, weight, groups):
        """`weight [groups · o, i, 3, 3]`."""
        if not self.up:
            return F.conv2d(x, weight, padding=1, groups=groups)
        o, i = self.weight.shape[:2]
        weight = weight.reshape(groups, o, i, 3, 3).transpose(1, 2).flatten(0, 1)
        return filtered(F.conv_transpose2d(x, weight, stride=2, groups=groups), pad=1, gain=4.0)


class ToRgb(nn.Module):
    def __init__(self, inputs, channels, w_dim):
        super().__init__()
        self.affine = FullyConnected(w_dim, inputs)
        self.weight = nn.Parameter(torch.empty(channels, inputs, 1, 1))
        self.bias = nn.Parameter(torch.empty(channels))
        self.gain = 1.0 / math.sqrt(inputs)

    def forward(self, x, w):
        n, i, h, width = x.shape
        # So few colours that weights for each image are less work than scaling the features.
        weight = self.weight[None, :, :, 0, 0] * (self.affine(w) * self.gain)[:, None, :]
        y = torch.baddbmm(self.bias[None, :, None], weight, x.reshape(n, i, h * width))
        return y.reshape(n, -1, h, width)


class SynthesisBlock(nn.Module):
    def __init__(self, sizes, resolution):
        super().__init__()
        outputs, inputs = channels(sizes, resolution), channels(sizes, resolution // 2)
        w_dim = sizes["w_dim"]
        if resolution == 4:
            self.constant = nn.Parameter(torch.empty(outputs, 4, 4))
            self.conv0 = None
        else:
            self.conv0 = SynthesisLayer(inputs, outputs, w_dim, resolution, True)
        self.conv1 = SynthesisLayer(outputs, outputs, w_dim, resolution, False)
        self.to_rgb = ToRgb(outputs, sizes["img_channels"], w_dim)

    def forward(self, x, rgb, ws, index, noise):
        if self.conv0 is None:
            x = self.constant[None].expand(ws.shape[0], -1, -1, -1)
        else:
            x = self.conv0(x, ws[:, index], noise)
            index += 1
        x = self.conv1(x, ws[:, index], noise)
        drawn = self.to_rgb(x, ws[:, index + 1])
        return x, drawn if rgb is None else drawn + upsample(rgb)


def channels(sizes, resolution):
    return min(sizes["channel_base"] // resolution, sizes["channel_max"])


def resolutions(sizes):
    return [2**k for k in range(2, sizes["resolution"].bit_length())]


class Synthesis(nn.Module):
    """`ws [n, num_ws, w_dim] → image [n, channels, r, r]`, with the constant noise or none."""

    def __init__(self, sizes, noise=True):
        super().__init__()
        self.blocks = nn.ModuleList(SynthesisBlock(sizes, r) for r in resolutions(sizes))
        self.noise = noise

    def forward(self, ws):
        x = rgb = None
        for index, block in enumerate(self.blocks):
            x, rgb = block(x, rgb, ws, max(2 * index - 1, 0), self.noise)
        return rgb


class Mapping(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        count, width = sizes["mapping_layers"], sizes["w_dim"]
        widths = [sizes["z_dim"]] + [width] * count
        layers = (FullyConnected(i, o, 0.01, True) for i, o in zip(widths, widths[1:]))
        self.layers = nn.ModuleList(layers)
        self.register_buffer("w_avg", torch.empty(width))

    def forward(self, z):
        x = z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        for layer in self.layers:
            x = layer(x)
        return x


class Generator(nn.Module):
    def __init__(self, sizes, noise=True):
        super().__init__()
        self.mapping, self.synthesis = Mapping(sizes), Synthesis(sizes, noise)
        self.num_ws = 2 * len(self.synthesis.blocks)

    def draw(self, w):
        return self.synthesis(w[:, None].expand(-1, self.num_ws, -1))


class ConvLayer(nn.Module):
    def __init__(self, inputs, outputs, kernel, bias=True, down=False, gain=math.sqrt(2)):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.empty(outputs)) if bias else None
        self.down, self.gain = down, gain
        self.weight_gain = gain / math.sqrt(inputs * kernel * kernel)

    def forward(self, x):
        # The gain after the leaky ReLU is positive, so weight and bias can carry it.
        weight = self.weight * self.weight_gain
        bias = None if self.bias is None else self.bias * self.gain
        kernel = weight.shape[2]
        if not self.down:
            x = F.conv2d(x, weight, bias, padding=kernel // 2)
        elif kernel == 1:
            x = F.conv2d(downsample(x), weight, bias)
        else:
            x = F.conv2d(filtered(x, pad=2), weight, bias, stride=2)
        return x if bias is None else F.leaky_relu(x, 0.2)


class DiscriminatorBlock(nn.Module):
    def __init__(self, sizes, resolution):
        super().__init__()
        inputs, outputs = channels(sizes, resolution), channels(sizes, resolution // 2)
        self.conv0 = ConvLayer(inputs, inputs, 3)
        self.conv1 = ConvLayer(inputs, outputs, 3, down=True, gain=1.0)
        self.skip = ConvLayer(inputs, outputs, 1, bias=False, down=True, gain=math.sqrt(0.5))

    def forward(self, x):
        return self.skip(x) + self.conv1(self.conv0(x))


class Epilogue(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        width = channels(sizes, 4)
        self.group, self.maps = sizes["mbstd_group_size"], 1
        self.conv = ConvLayer(width + self.maps, width, 3)
        self.fc = FullyConnected(16 * width, width, lrelu=True)
        self.out = FullyConnected(width, 1)

    def forward(self, x):
        n, c, h, w = x.shape
        group = min(self.group, n)
        y = x.reshape(group, n // group, self.maps, c // self.maps, h, w)
        y = y - y.mean(0)
        y = (y.square().mean(0) + 1e-8).sqrt().mean([2, 3, 4])
        y = y.reshape(-1, self.maps, 1, 1).repeat(group, 1, h, w)
        x = self.conv(torch.cat([x, y], 1))
        return self.out(self.fc(x.flatten(1)))


class Discriminator(nn.Module):
    """`image [n, channels, r, r] → logit [n, 1]`, residual."""

    def __init__(self, sizes):
        super().__init__()
        self.from_rgb = ConvLayer(sizes["img_channels"], channels(sizes, sizes["resolution"]), 1)
        falling = resolutions(sizes)[:0:-1]
        self.blocks = nn.ModuleList(DiscriminatorBlock(sizes, r) for r in falling)
        self.epilogue = Epilogue(sizes)

    def forward(self, image):
        x = self.from_rgb(image)
        for block in self.blocks:
            x = block(x)
        return self.epilogue(x)
