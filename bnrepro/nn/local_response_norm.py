"""Local response normalization, which Inception has and the accelerated networks drop."""

import torch
from torch import Tensor, nn
from torch.nn import functional

_SIZE, _ALPHA = 5, 1e-4


class LocalResponseNorm(nn.Module):
    """y = x / (1 + alpha / 5 * the sum of x^2 over 5 neighbouring channels)^0.75.

    The same function as ``nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75)`` (Krizhevsky et al. 2012;
    GoogLeNet's values). The sum over neighbours is a product with a band matrix, and the power two
    square roots: on a CPU a fifth of the time, and the network has it at its largest maps.

    Args:
        channels: of the input.
    """

    band_CC: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        channel = torch.arange(channels)
        neighbours = (channel[:, None] - channel).abs() <= _SIZE // 2
        self.register_buffer("band_CC", neighbours * (_ALPHA / _SIZE), persistent=False)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        squares_NHWC = x_NCHW.square().permute(0, 2, 3, 1)
        energy_NCHW = functional.linear(squares_NHWC, self.band_CC).permute(0, 3, 1, 2)
        inverse_root_NCHW = (1 + energy_NCHW).rsqrt()
        return x_NCHW * (inverse_root_NCHW * inverse_root_NCHW.sqrt())
