"""A small convolutional network: the usual example of where BN stands."""

import torch
from torch import Tensor, nn

from bnrepro.nn.layers import Activation, Initialization, initialize
from bnrepro.nn.norms import Normalization


class Cnn(nn.Module):
    """conv3x3 - norm - activation - max pooling - FC - norm - activation - FC.

    Args:
        image_shape: (C, H, W) of the input; H and W even.
        channels: feature maps of the convolution.
        hidden: units of the fully connected layer.
        num_classes: size of the output.
        activation: the nonlinearity.
        norm: the normalization; the layers drop their biases where it shifts.
        init_std: standard deviation of the Gaussian that weights start from.
        generator: where the initial weights are drawn from.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        channels: int,
        hidden: int,
        num_classes: int,
        activation: Activation,
        norm: Normalization,
        init_std: float,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        in_channels, height, width = image_shape
        bias = not norm.shifts
        self.conv = norm.activated(
            nn.Conv2d(in_channels, channels, 3, padding=1, bias=bias),
            norm.maps(channels),
            activation,
        )
        self.pool = nn.MaxPool2d(2)
        features = channels * (height // 2) * (width // 2)
        self.hidden = norm.activated(
            nn.Linear(features, hidden, bias=bias), norm.features(hidden), activation
        )
        self.output = nn.Linear(hidden, num_classes)
        initialize(self, Initialization("gaussian", init_std), generator)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Images (N, C, H, W) to logits (N, num_classes)."""
        x = self.pool(self.conv(x_NCHW)).flatten(1)
        logits: Tensor = self.output(self.hidden(x))
        return logits
