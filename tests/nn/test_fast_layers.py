"""Layers written for speed compute what torch's own do, gradients included."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from bnrepro.nn.linear import Linear
from bnrepro.nn.local_response_norm import LocalResponseNorm
from bnrepro.nn.pointwise import PointwiseConv2d

FORMATS = [torch.contiguous_format, torch.channels_last]


def _gradients(layer: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    x = x.detach().requires_grad_()
    y = layer(x)
    weights = torch.linspace(-1, 1, y.numel()).view_as(y)
    return [y, *torch.autograd.grad((y * weights).sum(), [x, *layer.parameters()])]


@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize("bias", [True, False])
def test_pointwise_convolution_is_torchs(memory_format: torch.memory_format, bias: bool) -> None:
    fast = PointwiseConv2d(6, 9, bias=bias)
    usual = nn.Conv2d(6, 9, 1, bias=bias)
    usual.load_state_dict(fast.state_dict())
    x = torch.randn(4, 6, 5, 7).to(memory_format=memory_format)
    assert fast(x).is_contiguous(memory_format=memory_format)
    for mine, torchs in zip(_gradients(fast, x), _gradients(usual, x), strict=True):
        assert_close(mine, torchs)


@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize("channels", [3, 16])
def test_local_response_norm_is_torchs(memory_format: torch.memory_format, channels: int) -> None:
    fast = LocalResponseNorm(channels)
    usual = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75)
    x = 100 * torch.randn(4, channels, 5, 7).to(memory_format=memory_format)
    for mine, torchs in zip(_gradients(fast, x), _gradients(usual, x), strict=True):
        assert_close(mine, torchs, rtol=1e-4, atol=1e-4)
    assert not fast.state_dict()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_fully_connected_layer_is_torchs(bias: bool, precision: torch.dtype) -> None:
    ours, usual = Linear(7, 5, bias=bias), nn.Linear(7, 5, bias=bias)
    usual.load_state_dict(ours.state_dict())
    x = torch.randn(3, 7)
    with torch.autocast("cpu", precision, enabled=precision != torch.float32):
        for mine, torchs in zip(_gradients(ours, x), _gradients(usual, x), strict=True):
            assert_close(mine, torchs)
