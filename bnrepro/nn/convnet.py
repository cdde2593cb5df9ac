"""A plain convolutional network of any depth."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bnrepro.nn.layers import Activation, Initialization, initialize
from bnrepro.nn.norms import Normalization


class ConvNet(nn.Module):
    """conv3x3 - norm - activation, over and over, then the mean over positions and FC.

    Nothing else: no shortcuts, no pooling. Where the count of feature maps changes, the convolution
    has a stride of 2.

    Args:
        in_channels: of the input.
        channels: feature maps of each convolution; as many as the network is deep, but for FC.
        num_classes: size of the output.
        activation: the nonlinearity.
        norm: the normalization; the convolutions drop their biases where it shifts.
        init: how weights start.
        generator: where the initial weights are drawn from.
    """

    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int],
        num_classes: int,
        activation: Activation,
        norm: Normalization,
        init: Initialization,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.convs = nn.ModuleList()
        for before, maps in zip([channels[0], *channels], channels, strict=False):
            fan_in = before if self.convs else in_channels
            stride = 1 if maps == before else 2
            conv = nn.Conv2d(fan_in, maps, 3, stride, padding=1, bias=not norm.shifts)
            self.convs.append(norm.activated(conv, norm.maps(maps), activation))
        self.output = nn.Linear(channels[-1], num_classes)
        initialize(self, init, generator)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Images (N, C, H, W) to logits (N, num_classes)."""
        x = x_NCHW
        for layer in self.convs:
            x = layer(x)
        logits: Tensor = self.output(x.mean((2, 3)))
        return logits
