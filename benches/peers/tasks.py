"""The tasks: for each a module with its inputs, and how PyTorch runs it. Names are those of `Task` in benches/src/case.rs."""

import numpy
import safetensors.torch
import torch
import torch.nn.functional as F

import clip
import train
from stylegan2 import Synthesis


def read(path):
    # Copied out of the file, which is removed when it was read.
    return {key: value.clone() for key, value in safetensors.torch.load_file(path).items()}


def write(path, result):
    if isinstance(result, numpy.ndarray):
        result = torch.from_numpy(result)
    safetensors.torch.save_file({"result": result.detach().contiguous().clone()}, path)


class Inference:
    """A module and its inputs."""

    comparable = True

    def __init__(self, module, *inputs):
        self.module, self.inputs = module.eval(), inputs

    def run(self):
        with torch.inference_mode():
            return self.module(*self.inputs)


class Conv(torch.nn.Module):
    def __init__(self, weight):
        super().__init__()
        self.weight = torch.nn.Parameter(weight)

    def forward(self, x):
        return F.conv2d(x, self.weight, padding=1)


class ConvBackward:
    """Forward, and both gradients of the output's sum."""

    comparable = True

    def __init__(self, weight, x):
        self.weight, self.x = weight.requires_grad_(), x.requires_grad_()

    def run(self):
        y = F.conv2d(self.x, self.weight, padding=1)
        return torch.autograd.grad(y.sum(), [self.x, self.weight])[1]


def conv(case, given):
    if case["backward"]:
        return ConvBackward(given["weight"], given["x"])
    return Inference(Conv(given["weight"]), given["x"])


def synthesis(case, given):
    ws = given.pop("ws")
    network = Synthesis(case["generator"])
    network.load_state_dict(given)
    return Inference(network, ws)


def clip_image(case, given):
    pixels = given.pop("pixels")
    return Inference(clip.image_encoder(case["clip"], given), pixels)


def clip_text(case, given):
    ids = given.pop("ids")
    return Inference(clip.text_encoder(case["clip"], given), ids)


TASKS = {
    "conv": conv,
    "synthesis": synthesis,
    "train_step": train.TrainStep,
    "clip_image": clip_image,
    "clip_text": clip_text,
}
