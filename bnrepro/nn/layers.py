"""What the networks have in common: an activated layer, and how weights start."""

from typing import Literal

import torch
from torch import Tensor, nn

Activation = Literal["sigmoid", "relu"]


class Activated(nn.Module):
    """z = g(norm(Wu)), Section 3.2: the normalization right before the nonlinearity.

    The input to ``activation`` is what the probes observe.
    """

    def __init__(self, linear: nn.Module, norm: nn.Module, activation: Activation) -> None:
        super().__init__()
        self.linear = linear
        self.norm = norm
        self.activation = make_activation(activation)

    def forward(self, u: Tensor) -> Tensor:
        """Any shape that the linear map takes."""
        z: Tensor = self.activation(self.norm(self.linear(u)))
        return z


def make_activation(name: Activation) -> nn.Module:
    """The nonlinearity g."""
    return nn.Sigmoid() if name == "sigmoid" else nn.ReLU()


@torch.no_grad()
def gaussian_init(model: nn.Module, std: float, generator: torch.Generator) -> None:
    """Start every linear map from N(0, std^2) and every bias from zero (Section 4.1)."""
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.normal_(module.weight, 0.0, std, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
