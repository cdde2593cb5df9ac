"""The fully connected network of Section 4.1."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from bnrepro.nn.layers import Activation, initialization, initialize
from bnrepro.nn.linear import Linear
from bnrepro.nn.norms import Normalization

DropoutPlace = Literal["before_norm", "after_activation", "last"]
"""Right before each normalization, behind each nonlinearity, or behind the last one alone."""


class Mlp(nn.Module):
    """Hidden layers of z = g(norm(Wu)), then a linear layer to the classes.

    The paper's: 784-100-100-100-10, sigmoid, with or without BN on each hidden layer.

    Args:
        in_features: values in a flattened image.
        hidden: units of each hidden layer.
        num_classes: size of the output.
        activation: the nonlinearity.
        norm: the normalization; the layers drop their biases where it shifts.
        init_std: standard deviation of the Gaussian that weights start from; None: as
            `initialization` has it.
        generator: where the initial weights are drawn from.
        dropout: probability; 0: there is none.
        dropout_place: where it stands.
    """

    def __init__(
        self,
        in_features: int,
        hidden: Sequence[int],
        num_classes: int,
        activation: Activation,
        norm: Normalization,
        init_std: float | None,
        generator: torch.Generator,
        dropout: float = 0.0,
        dropout_place: DropoutPlace = "after_activation",
    ) -> None:
        super().__init__()
        self.hidden = nn.ModuleList()
        fan_in = in_features
        for units in hidden:
            linear = Linear(fan_in, units, bias=not norm.shifts)
            layer = norm.features(units)
            if dropout and dropout_place == "before_norm":
                layer = nn.Sequential(nn.Dropout(dropout), layer)
            self.hidden.append(norm.activated(linear, layer, activation))
            fan_in = units
        behind = {"before_norm": 0, "after_activation": len(hidden), "last": 1}
        self.dropped = behind[dropout_place] if dropout else 0  # of the last layers
        self.dropout = nn.Dropout(dropout)
        self.output = Linear(fan_in, num_classes)
        initialize(self, initialization(init_std, activation), generator)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Images (N, C, H, W) to logits (N, num_classes)."""
        x = x_NCHW.flatten(1)
        for i, layer in enumerate(self.hidden):
            x = layer(x)
            if i >= len(self.hidden) - self.dropped:
                x = self.dropout(x)
        logits: Tensor = self.output(x)
        return logits
