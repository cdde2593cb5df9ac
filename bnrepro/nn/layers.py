"""What the networks have in common: an activated layer, and how weights start."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

Activation = Literal["sigmoid", "relu"]
Placement = Literal["before", "after"]
"""Where the normalization stands: before the nonlinearity (Section 3.2), or after it."""


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


class ActivatedThenNormalized(Activated):
    """z = norm(g(Wu + b)): the other order (Mishkin et al. 2016, Section 3.2).

    It is g's output that is normalized, so the bias b is not cancelled.
    """

    def forward(self, u: Tensor) -> Tensor:
        """Any shape that the linear map takes."""
        z: Tensor = self.norm(self.activation(self.linear(u)))
        return z


def make_activation(name: Activation) -> nn.Module:
    """The nonlinearity g."""
    return nn.Sigmoid() if name == "sigmoid" else nn.ReLU()


@dataclass(frozen=True)
class Initialization:
    """How weights and biases start.

    Attributes:
        name: ``caffe``: uniform with variance 1 / fan in, the biases of convolutions at 0.2:
            Caffe's GoogLeNet (2014), made for pixels minus their mean. In the others biases start
            from zero. ``gaussian``: N(0, std^2) (Section 4.1); ``xavier``: uniform with variance
            2 / (fan in + fan out) (Glorot & Bengio 2010); ``he``: N(0, 2 / fan in) (He et al.
            2015).
        std: standard deviation of ``gaussian``.
        conv_gain: factor on the weights of convolutions (Section 4.2.3).
    """

    name: Literal["gaussian", "xavier", "he", "caffe"]
    std: float | None = None
    conv_gain: float = 1.0


def initialization(std: float | None, activation: Activation) -> Initialization:
    """A Gaussian of this deviation; None: what suits the nonlinearity and the layers' widths."""
    if std is not None:
        return Initialization("gaussian", std)
    return Initialization("xavier" if activation == "sigmoid" else "he")


@torch.no_grad()
def initialize(model: nn.Module, init: Initialization, generator: torch.Generator) -> None:
    """Draw the weights of every linear map, in the order of the modules."""
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            match init.name:
                case "gaussian":
                    assert init.std is not None
                    nn.init.normal_(module.weight, 0.0, init.std, generator=generator)
                case "xavier":
                    nn.init.xavier_uniform_(module.weight, generator=generator)
                case "he":
                    nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
                case "caffe":
                    # A depthwise convolution's fan in is that of one group: what torch divides by.
                    nn.init.kaiming_uniform_(
                        module.weight, nonlinearity="linear", generator=generator
                    )
            if isinstance(module, nn.Conv2d):
                module.weight *= init.conv_gain
            if module.bias is not None:
                is_conv = isinstance(module, nn.Conv2d)
                nn.init.constant_(module.bias, 0.2 if init.name == "caffe" and is_conv else 0.0)
