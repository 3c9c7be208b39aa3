"""The training step of StyleGAN2 with lazy R1, phase by phase as in crates/clip2gan-stylegan2/src/train."""

import torch
import torch.nn.functional as F

from stylegan2 import Discriminator, Generator


def adam(parameters, config, interval=1):
    """Adam for a network whose regularisation comes every `interval` steps (StyleGAN2, appendix B)."""
    c = 1.0 if interval == 1 else interval / (interval + 1)
    betas = (0.0, 0.99**c)
    return torch.optim.Adam(parameters, config["learning_rate"] * c, betas, eps=1e-8, fused=True)


class TrainStep:
    """A run is as many steps as there are between two of R1."""

    comparable = False

    def __init__(self, case, given):
        self.config = config = case["config"]
        unknown = {"path_length", "ada", "accumulate"} & config.keys()
        if config["style_mixing"] or config.get("noise", True) or unknown:
            raise ValueError(f"the twin trains without style mixing, noise and {unknown}")
        self.generator = Generator(config, noise=False)
        self.ema = Generator(config, noise=False)
        self.discriminator = Discriminator(config)
        for network in ("generator", "ema", "discriminator"):
            prefix = "generator." if network == "ema" else network + "."
            weights = {k.removeprefix(prefix): v for k, v in given.items() if k.startswith(prefix)}
            getattr(self, network).load_state_dict(weights)
        self.ema.requires_grad_(False)
        # The noise that this preset leaves out has a strength that no gradient reaches.
        learnt = [p for name, p in self.generator.named_parameters() if "noise" not in name]
        self.generator_adam = adam(learnt, config)
        self.discriminator_adam = adam(
            self.discriminator.parameters(), config, config["r1_interval"]
        )
        self.real = given["real"]
        self.steps = 0

    def run(self):
        for _ in range(self.config["r1_interval"]):
            self.step()

    def latents(self):
        return torch.randn(self.config["batch"], self.config["z_dim"])

    def step(self):
        self.generator_phase()
        self.discriminator_phase()
        if self.steps % self.config["r1_interval"] == 0:
            self.r1_phase()
        self.steps += 1
        self.average()

    def generator_phase(self):
        self.discriminator.requires_grad_(False)
        w = self.generator.mapping(self.latents())
        loss = F.softplus(-self.discriminator(self.generator.draw(w))).mean()
        finite(loss)
        self.generator_adam.zero_grad(set_to_none=True)
        loss.backward()
        self.generator_adam.step()
        with torch.no_grad():
            self.generator.mapping.w_avg.lerp_(w.mean(0), 1.0 - self.config["w_avg_beta"])
        self.discriminator.requires_grad_(True)

    def discriminator_phase(self):
        with torch.no_grad():
            fake = self.generator.draw(self.generator.mapping(self.latents()))
        fake_logits = self.discriminator(fake)
        real_logits = self.discriminator(self.real)
        loss = F.softplus(fake_logits).mean() + F.softplus(-real_logits).mean()
        finite(loss)
        self.discriminator_adam.zero_grad(set_to_none=True)
        loss.backward()
        self.discriminator_adam.step()

    def r1_phase(self):
        real = self.real.detach().requires_grad_()
        logits = self.discriminator(real)
        (gradient,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
        penalty = gradient.square().sum([1, 2, 3]).mean()
        finite(penalty)
        weight = 0.5 * self.config["r1_gamma"] * self.config["r1_interval"]
        self.discriminator_adam.zero_grad(set_to_none=True)
        (weight * penalty).backward()
        self.discriminator_adam.step()

    @torch.no_grad()
    def average(self):
        images = self.steps * self.config["batch"]
        half_life = min(self.config["ema_kimg"] * 1000.0, images * self.config["ema_rampup"])
        beta = 0.5 ** (self.config["batch"] / max(half_life, 1e-8))
        averages, learnt = list(self.ema.parameters()), list(self.generator.parameters())
        torch._foreach_lerp_(averages, learnt, 1.0 - beta)
        self.ema.mapping.w_avg.copy_(self.generator.mapping.w_avg)


def finite(value):
    if not torch.isfinite(value):
        raise ValueError(f"the run has diverged: {value.item()}")
