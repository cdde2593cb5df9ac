"""Batch normalization of the mean alone."""

import torch
from torch import Tensor, nn

from bnrepro.nn.moving_averages import MovingAverages, like, values_of


class MeanOnlyBatchNorm(MovingAverages):
    """y = x - E[x] + beta, with the mean over the mini-batch (Salimans & Kingma 2016, Section 4).

    Inference uses the moving average of the mean, or the estimate that has taken its place.

    Args:
        num_features: C, for inputs (N, C) and (N, C, H, W).
        momentum: weight of the newest mini-batch in the average; None: the mean over all so far.
    """

    running_mean: Tensor

    def __init__(self, num_features: int, momentum: float | None = 0.1) -> None:
        super().__init__(momentum, mean=torch.zeros(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        x_MC = values_of(x)
        mean = self.running_mean
        if self.training:
            mean = x_MC.mean(0)
            self.track(mean)
        return like(x_MC - mean + self.bias, x)
