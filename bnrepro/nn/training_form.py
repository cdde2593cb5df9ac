"""A network as training computes it: the same function of the same parameters, in fewer steps."""

import copy
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnrepro.nn.inception import InceptionModule, SeparableConv2d
from bnrepro.nn.layers import Activated
from bnrepro.nn.pointwise import PointwiseConv2d, pointwise_conv2d


def training_form(model: nn.Module) -> nn.Module:
    """The network with layers of its Inception modules, and its separable convolution, joined.

    Equal to the network up to rounding, gradients and moving averages included. On a CPU most
    layers of a narrow network take hardly longer than calling them, and one product of many columns
    is faster than four of few.

    Args:
        model: in training mode; it stays as it is.

    Returns:
        A copy that shares its parameters and buffers: what changes one changes the other. Hooks
        belong on the network: joined layers are not called one by one. Where there is nothing to
        join, the network itself.
    """
    if not any(isinstance(module, InceptionModule | SeparableConv2d) for module in model.modules()):
        return model
    shared = {id(tensor): tensor for tensor in chain(model.parameters(), model.buffers())}
    form = copy.deepcopy(model, shared)
    for parent in list(form.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, InceptionModule):
                setattr(parent, name, _join_siblings(child))
            elif isinstance(child, SeparableConv2d) and _is_narrow(child):
                setattr(parent, name, _ComposedConv2d(child))
    return form


class _Layer(NamedTuple):
    """The parts of an `Activated` with a 1x1 convolution."""

    conv: PointwiseConv2d
    norm: nn.Module
    activation: nn.Module


class _JoinedModule(nn.Module):
    """An Inception module that computes the first layers of its branches as one.

    A projection behind an average pooling takes part in the convolution: the two commute, as the
    pooling leaves the padding out. What is pooled is then the few channels projected to.

    Args:
        heads: the branches' first layers, but for the pooling's.
        tails: what stands behind each of them.
        pooling: the pooling branch, without the projection if that takes part.
        projection: behind an average pooling.
    """

    def __init__(
        self,
        heads: list[_Layer],
        tails: Sequence[nn.Module],
        pooling: nn.Module,
        projection: _Layer | None,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.tails = nn.ModuleList(tails)
        self.pooling = pooling
        self.projection = projection

    def forward(self, x: Tensor) -> Tensor:
        """As `InceptionModule`."""
        convs = [layer.conv for layer in (*self.heads, self.projection) if layer]
        weight, bias = _cat([conv.weight for conv in convs]), _cat([conv.bias for conv in convs])
        assert weight is not None
        y = pointwise_conv2d(x, weight, bias)
        widths = [head.conv.out_channels for head in self.heads]
        if self.projection is None:
            pooled = self.pooling(x)
        else:
            parts = y.split([sum(widths), self.projection.conv.out_channels], 1)
            y, projected = (_dense(part) for part in parts)
            pooled = self.projection.activation(self.projection.norm(self.pooling(projected)))
        norms = [head.norm for head in self.heads if isinstance(head.norm, nn.BatchNorm2d)]
        y = self.heads[0].activation(_normalize(y, norms) if norms else y)
        branches = zip(self.tails, y.split(widths, 1), strict=True)
        return torch.cat([*(tail(part) for tail, part in branches), pooled], 1)


class _Dense(nn.Module):
    """Channels out of many, copied: convolutions take them without gaps in memory."""

    def forward(self, x: Tensor) -> Tensor:
        """The same."""
        return _dense(x)


class _ComposedConv2d(nn.Module):
    """A separable convolution as the one that its two linear maps make."""

    def __init__(self, separable: SeparableConv2d) -> None:
        super().__init__()
        self.separable = separable

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """As `SeparableConv2d`."""
        depthwise, pointwise = self.separable.maps()
        fan_in, out = depthwise.groups, pointwise.out_channels
        kernels_IDK = depthwise.weight.view(fan_in, -1, depthwise.weight[0].numel())
        mixing_IOD = pointwise.weight.view(out, fan_in, -1).transpose(0, 1)
        weight_OIK = (mixing_IOD @ kernels_IDK).transpose(0, 1)
        weight = weight_OIK.reshape(out, fan_in, *depthwise.kernel_size)
        return functional.conv2d(
            x_NCHW,
            _dense(weight),
            pointwise.bias,
            depthwise.stride,
            depthwise.padding,
        )


def _join_siblings(module: InceptionModule) -> nn.Module:
    """The module with its branches' first layers joined; itself where they cannot be."""
    *branches, pooling = (
        list(branch) if isinstance(branch, nn.Sequential) else [branch]
        for branch in module.branches.values()
    )
    heads = [_layer(head) for head, *_ in branches]
    if not _have_one_norm([head.norm for head in heads]):
        return module
    tails = [nn.Sequential(_Dense(), *tail) if tail else nn.Identity() for _, *tail in branches]
    if isinstance(pooling[0], nn.AvgPool2d):
        return _JoinedModule(heads, tails, pooling[0], _layer(pooling[1]))
    return _JoinedModule(heads, tails, nn.Sequential(*pooling), None)


def _is_narrow(separable: SeparableConv2d) -> bool:
    """Whether composing saves more, in passes over maps, than it adds in multiplications."""
    depthwise, pointwise = separable.maps()
    return pointwise.out_channels <= depthwise.out_channels


def _layer(module: nn.Module) -> _Layer:
    assert isinstance(module, Activated)
    assert isinstance(module.linear, PointwiseConv2d)
    return _Layer(module.linear, module.norm, module.activation)


def _have_one_norm(norms: Sequence[nn.Module]) -> bool:
    """Whether these can normalize together: torch's BN, by exact type, or none of them anything."""
    if all(type(norm) is nn.BatchNorm2d for norm in norms):
        return all(norm.momentum is not None for norm in norms)
    return all(type(norm) is nn.Identity for norm in norms)


def _normalize(x_NCHW: Tensor, norms: Sequence[nn.BatchNorm2d]) -> Tensor:
    """Batch normalization of the channels of several layers, in their order."""
    means = _cat([norm.running_mean for norm in norms])
    variances = _cat([norm.running_var for norm in norms])
    momentum = norms[0].momentum
    assert momentum is not None
    y = functional.batch_norm(
        x_NCHW,
        means,
        variances,
        _cat([norm.weight for norm in norms]),
        _cat([norm.bias for norm in norms]),
        training=True,
        momentum=momentum,
        eps=norms[0].eps,
    )
    sizes = [norm.num_features for norm in norms]
    assert means is not None
    assert variances is not None
    for norm, mean_C, var_C in zip(norms, means.split(sizes), variances.split(sizes), strict=True):
        for average, new in ((norm.running_mean, mean_C), (norm.running_var, var_C)):
            assert average is not None
            average.copy_(new)
        assert norm.num_batches_tracked is not None
        norm.num_batches_tracked.add_(1)
    return y


def _dense(x_NCHW: Tensor) -> Tensor:
    return x_NCHW.contiguous(memory_format=torch.channels_last)


def _cat(tensors: Sequence[Tensor | None]) -> Tensor | None:
    """One after another; None if the layers have no such parameter."""
    present = [tensor for tensor in tensors if tensor is not None]
    return torch.cat(present) if present else None
