"""An Inception module for inference: the 1x1 convolutions of its input as one."""

from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor, nn

from bnrepro.nn.inception import InceptionModule
from bnrepro.nn.layers import Activated
from bnrepro.nn.pointwise import PointwiseConv2d


class _Sibling(NamedTuple):
    """A 1x1 convolution that reads the module's input, directly or behind an average pooling."""

    branch: str
    layer: Activated
    conv: PointwiseConv2d
    bias: Tensor
    pool: nn.AvgPool2d | None


class _Channels(nn.Module):
    """Some of the channels: what one of the joined convolutions computes."""

    def __init__(self, start: int, count: int) -> None:
        super().__init__()
        self.start, self.count = start, count

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, count, H, W)."""
        return x.narrow(1, self.start, self.count)

    def extra_repr(self) -> str:
        """What ``print(model)`` shows."""
        return f"{self.start} to {self.start + self.count}"


class JoinedModule(nn.Module):
    """An Inception module whose branches share one 1x1 convolution of the module's input.

    Args:
        joined: the shared convolution.
        branches: the module's, by name.
        readers: the names of the branches that read what ``joined`` computes.
    """

    def __init__(
        self, joined: PointwiseConv2d, branches: nn.ModuleDict, readers: frozenset[str]
    ) -> None:
        super().__init__()
        self.joined = joined
        self.branches = branches
        self.readers = readers

    def forward(self, x: Tensor) -> Tensor:
        """As `InceptionModule`."""
        y = self.joined(x)
        return torch.cat(
            [branch(y if name in self.readers else x) for name, branch in self.branches.items()], 1
        )


@torch.no_grad()
def join_siblings(module: InceptionModule) -> nn.Module:
    """Join those 1x1 convolutions of the module's input that have taken in their normalization.

    One matrix product of many columns is faster than three or four of few that read the same rows.
    A projection behind an average pooling is joined too: the two commute, as the pooling leaves the
    padding out, so that its weights sum to one and the bias passes through; it then pools the few
    channels that are projected to. Every `Activated` keeps its name and its output.

    Args:
        module: its branches go over to what is returned.

    Returns:
        The same function; the module itself if there are no two to join.
    """
    candidates = (_sibling(name, branch) for name, branch in module.branches.items())
    siblings = [sibling for sibling in candidates if sibling is not None]
    if len(siblings) < 2:
        return module
    weight = torch.cat([sibling.conv.weight for sibling in siblings])
    joined = PointwiseConv2d(weight.shape[1], weight.shape[0]).eval()
    joined.weight = nn.Parameter(weight)
    joined.bias = nn.Parameter(torch.cat([sibling.bias for sibling in siblings]))
    ends = accumulate(sibling.conv.out_channels for sibling in siblings)
    for sibling, end in zip(siblings, ends, strict=True):
        layer, count = sibling.layer, sibling.conv.out_channels
        layer.linear = _Channels(end - count, count)
        if sibling.pool is not None:
            layer.linear = nn.Sequential(layer.linear, sibling.pool)
            module.branches[sibling.branch] = nn.Sequential(nn.Identity(), layer)
        elif isinstance(layer.activation, nn.ReLU):
            # Not in place: whoever reads it wants it without the gaps of the other channels.
            layer.activation = nn.ReLU()
    return JoinedModule(joined, module.branches, frozenset(s.branch for s in siblings)).eval()


def _sibling(name: str, branch: nn.Module) -> _Sibling | None:
    """The 1x1 convolution that the branch begins with, if it can be joined."""
    layers = list(branch) if isinstance(branch, nn.Sequential) else [branch]
    pool = layers.pop(0) if isinstance(layers[0], nn.AvgPool2d) else None
    if not layers or not isinstance(layers[0], Activated):
        return None
    conv = layers[0].linear
    # Without a bias, its normalization is not merged but stands behind it.
    if not isinstance(conv, PointwiseConv2d) or conv.bias is None:
        return None
    assert pool is None or isinstance(pool, nn.AvgPool2d)
    return _Sibling(name, layers[0], conv, conv.bias, pool)
