"""A plain convolutional network: the usual example of where BN stands, and deeper ones."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bnrepro.nn.layers import Activated, Activation, initialization, initialize
from bnrepro.nn.norms import Normalization


class Cnn(nn.Module):
    """Stages of conv3x3 - norm - activation with max pooling; FC - norm - activation - FC.

    Args:
        image_shape: (C, H, W) of the input.
        channels: feature maps of the first stage's convolutions; twice as many in each next one.
        hidden: units of the fully connected layer.
        num_classes: size of the output.
        activation: the nonlinearity.
        norm: the normalization; the layers drop their biases where it shifts.
        init_std: standard deviation of the Gaussian that weights start from; None: as
            `initialization` has it.
        generator: where the initial weights are drawn from.
        stages: convolutions of each stage; max pooling halves height and width after it.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        channels: int,
        hidden: int,
        num_classes: int,
        activation: Activation,
        norm: Normalization,
        init_std: float | None,
        generator: torch.Generator,
        stages: Sequence[int] = (1,),
    ) -> None:
        super().__init__()
        fan_in, height, width = image_shape
        bias = not norm.shifts
        self.stages = nn.Sequential()
        for i, convolutions in enumerate(stages):
            maps = channels * 2**i
            stage = nn.Sequential()
            for _ in range(convolutions):
                conv = nn.Conv2d(fan_in, maps, 3, padding=1, bias=bias)
                stage.append(Activated(conv, norm.maps(maps), activation))
                fan_in = maps
            self.stages.append(stage.append(nn.MaxPool2d(2)))
            height, width = height // 2, width // 2
        features = fan_in * height * width
        self.hidden = Activated(
            nn.Linear(features, hidden, bias=bias), norm.features(hidden), activation
        )
        self.output = nn.Linear(hidden, num_classes)
        initialize(self, initialization(init_std, activation), generator)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Images (N, C, H, W) to logits (N, num_classes)."""
        x = self.stages(x_NCHW).flatten(1)
        logits: Tensor = self.output(self.hidden(x))
        return logits
