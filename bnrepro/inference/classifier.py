"""The network as it is given away: pixels in, probabilities out."""

import copy

import torch
from torch import Tensor, nn

from bnrepro.data.dataset import ChannelValues, centre_and_scale


class Classifier(nn.Module):
    """uint8 pixels (N, C, H, W) to class probabilities (N, classes), with softmax.

    Args:
        network: from what `Dataset.to_input` gives to logits; taken over in evaluation mode.
        input_mean: see `Dataset`.
        input_scale: likewise.
    """

    def __init__(
        self, network: nn.Module, input_mean: ChannelValues, input_scale: ChannelValues
    ) -> None:
        super().__init__()
        self.network = network
        self.input_mean = input_mean
        self.input_scale = input_scale
        self.eval()

    def forward(self, pixels_NCHW: Tensor) -> Tensor:
        """uint8 (N, C, H, W) to float32 (N, classes)."""
        # Without the channels last: a graph's runtime chooses the layout itself.
        x = centre_and_scale(pixels_NCHW.to(torch.float32), self.input_mean, self.input_scale)
        probabilities_NK: Tensor = self.network(x).softmax(1)
        return probabilities_NK

    def on_cpu(self) -> "Classifier":
        """A copy on the CPU, its weights laid out as files and graphs want them."""
        return copy.deepcopy(self).to("cpu").to(memory_format=torch.contiguous_format)
