"""The paper's Inception network: Figure 5, row by row."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from bnrepro.nn.layers import Activated, Activation, Initialization, initialize
from bnrepro.nn.local_response_norm import LocalResponseNorm
from bnrepro.nn.norms import Normalization
from bnrepro.nn.pointwise import PointwiseConv2d


class Row(NamedTuple):
    """A module of Figure 5: the widths of its branches.

    Attributes:
        name: 3a to 5b.
        one: 1x1 convolution; 0: no such branch.
        three_reduce: 1x1 before the 3x3.
        three: 3x3.
        double_reduce: 1x1 before the two 3x3 ("double 3x3").
        double: both of the two 3x3.
        pool: the pooling branch's kind.
        project: 1x1 after the pooling; 0: the pooled input passes through.
        stride: of the last convolution of each branch, and of the pooling.
    """

    name: str
    one: int
    three_reduce: int
    three: int
    double_reduce: int
    double: int
    pool: Literal["average", "max"]
    project: int
    stride: int = 1


FIGURE_5 = (
    Row("3a", 64, 64, 64, 64, 96, "average", 32),
    Row("3b", 64, 64, 96, 64, 96, "average", 64),
    Row("3c", 0, 128, 160, 64, 96, "max", 0, stride=2),
    Row("4a", 224, 64, 96, 96, 128, "average", 128),
    Row("4b", 192, 96, 128, 96, 128, "average", 128),
    Row("4c", 160, 128, 160, 128, 160, "average", 128),
    Row("4d", 96, 128, 192, 160, 192, "average", 128),
    Row("4e", 0, 128, 192, 192, 256, "max", 0, stride=2),
    Row("5a", 352, 192, 320, 160, 224, "average", 128),
    Row("5b", 352, 192, 320, 192, 224, "max", 128),
)
"""The modules as the table gives them; 4c, 4d and 4e then sum to 608, 608 and 1056."""

_STEM_1, _STEM_2_REDUCE, _STEM_2 = 64, 64, 192
_PRINTED_PROJECTION = 96  # of 4c and 4d, so that the sums are the printed 576, 576 and 1024
_STEM_HALVINGS = 3
_DEPTH_MULTIPLIER = 8
_AUXILIARY_ROWS = ("4a", "4d")


class _Builder:
    """What every convolution of one network is made with."""

    def __init__(self, width: float, activation: Activation, norm: Normalization) -> None:
        self.width = width
        self.activation = activation
        self.norm = norm

    def channels(self, count: int) -> int:
        """A channel count of the table, scaled."""
        return max(1, round(count * self.width))

    def conv(
        self, fan_in: int, out: int, size: int, stride: int = 1, positions: int | None = None
    ) -> Activated:
        """Convolution, normalization, nonlinearity.

        Args:
            fan_in: channels in.
            out: channels out.
            size: of the kernel.
            stride: of the convolution.
            positions: height and width of the output, for per-activation normalization.
        """
        bias = not self.norm.shifts
        conv: nn.Conv2d
        if size == 1 and stride == 1:
            conv = PointwiseConv2d(fan_in, out, bias=bias)
        else:
            conv = nn.Conv2d(fan_in, out, size, stride, padding=size // 2, bias=bias)
        return self.activated(conv, out, positions)

    def activated(self, linear: nn.Module, out: int, positions: int | None = None) -> Activated:
        """A linear map with its normalization and nonlinearity."""
        if positions is None:
            norm = self.norm.maps(out)
        else:
            norm = self.norm.activations((out, positions, positions))
        return Activated(linear, norm, self.activation)


class InceptionModule(nn.Module):
    """A row of Figure 5: branches side by side, joined along the channels.

    Args:
        row: its widths, unscaled.
        fan_in: channels in.
        build: makes the convolutions.
        positions: height and width of its activations, for per-activation normalization.
    """

    def __init__(self, row: Row, fan_in: int, build: _Builder, positions: int | None) -> None:
        super().__init__()
        self.branches = nn.ModuleDict()
        scaled = build.channels
        stride = row.stride
        if row.one:
            self.branches["one"] = build.conv(fan_in, scaled(row.one), 1, 1, positions)
        three_reduce, three = scaled(row.three_reduce), scaled(row.three)
        self.branches["three"] = nn.Sequential(
            build.conv(fan_in, three_reduce, 1, 1, positions),
            build.conv(three_reduce, three, 3, stride, positions),
        )
        double_reduce, double = scaled(row.double_reduce), scaled(row.double)
        self.branches["double_three"] = nn.Sequential(
            build.conv(fan_in, double_reduce, 1, 1, positions),
            build.conv(double_reduce, double, 3, 1, positions),
            build.conv(double, double, 3, stride, positions),
        )
        pool: nn.Module = nn.MaxPool2d(3, stride, padding=1)
        if row.pool == "average":
            pool = nn.AvgPool2d(3, stride, padding=1, count_include_pad=False)
        passed = scaled(row.project) if row.project else fan_in
        projection = [build.conv(fan_in, passed, 1, 1, positions)] if row.project else []
        self.branches["pool"] = nn.Sequential(pool, *projection)
        self.out_channels = (scaled(row.one) if row.one else 0) + three + double + passed

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, out_channels, ceil(H / stride), ceil(W / stride))."""
        return torch.cat([branch(x) for branch in self.branches.values()], 1)


class _AuxiliaryHead(nn.Module):
    """GoogLeNet's auxiliary classifier: pooling to 4x4, 1x1 convolution, two linear layers."""

    def __init__(self, fan_in: int, num_classes: int, build: _Builder) -> None:
        super().__init__()
        reduced, hidden = build.channels(128), build.channels(1024)
        self.pool = nn.AdaptiveAvgPool2d(4)
        self.conv = build.conv(fan_in, reduced, 1)
        bias = not build.norm.shifts
        self.hidden = Activated(
            nn.Linear(reduced * 16, hidden, bias=bias),
            build.norm.features(hidden),
            build.activation,
        )
        self.dropout = nn.Dropout(0.7)
        self.output = nn.Linear(hidden, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.output(self.dropout(self.hidden(self.conv(self.pool(x)).flatten(1))))
        return logits


class SeparableConv2d(nn.Sequential):
    """7x7/2 on each input channel by itself, then 1x1: Figure 5's caption.

    Args:
        fan_in: channels in.
        out: channels out.
        bias: whether the last map has one.
    """

    def __init__(self, fan_in: int, out: int, bias: bool) -> None:
        deep = fan_in * _DEPTH_MULTIPLIER
        depthwise = nn.Conv2d(fan_in, deep, 7, 2, padding=3, groups=fan_in, bias=False)
        super().__init__(depthwise, PointwiseConv2d(deep, out, bias))

    def maps(self) -> tuple[nn.Conv2d, PointwiseConv2d]:
        """The convolution of each channel, and the one of each position."""
        depthwise, pointwise = self
        assert isinstance(depthwise, nn.Conv2d)
        assert isinstance(pointwise, PointwiseConv2d)
        return depthwise, pointwise


class Inception(nn.Module):
    """The Inception variant of Section 4.2, with or without batch normalization.

    Parameter counts (1000 classes): Figure 5 read literally has 11,285,224 with BN and a full 7x7
    first convolution, 11,278,528 with the separable one that the figure's caption describes. The
    13.6e6 that Section 4.2 states is not reached by any natural reading of the table; the compute
    (about 2e9 multiply-adds at 224 px) does match, so the difference is probably an auxiliary
    classifier used in training only. That is an inference.

    Sizes from 32 px up work: every halving rounds up, and the last pooling is over all positions.

    Args:
        num_classes: size of the output.
        activation: the nonlinearity.
        norm: stands between each convolution and its nonlinearity, in place of the bias.
        init: how the weights start.
        generator: where they are drawn from.
        in_channels: of the images.
        image_size: height and width of the images, in pixels.
        width: factor on every channel count.
        dropout: probability before the last linear layer (GoogLeNet: 0.4).
        lrn: local response normalization behind the first pooling and the second convolution.
        separable_stem: the first convolution is 7x7 separable, depth multiplier 8.
        sums: ``literal``: the table's branch widths, 608, 608 and 1056 channels behind 4c, 4d and
            4e; ``printed``: projections of 96 in 4c and 4d, so that the printed 576, 576 and 1024
            come out.
        aux_head: two auxiliary classifiers in training (GoogLeNet), behind 4a and 4d.
        per_activation_modules: this many last modules normalize per activation (Section 4.2.3).
    """

    def __init__(
        self,
        num_classes: int,
        activation: Activation,
        norm: Normalization,
        init: Initialization,
        generator: torch.Generator,
        in_channels: int = 3,
        image_size: int = 224,
        width: float = 1.0,
        dropout: float = 0.0,
        lrn: bool = False,
        separable_stem: bool = True,
        sums: Literal["literal", "printed"] = "literal",
        aux_head: bool = False,
        per_activation_modules: int = 0,
    ) -> None:
        super().__init__()
        build = _Builder(width, activation, norm)
        rows = FIGURE_5 if sums == "literal" else _with_printed_sums(FIGURE_5)
        self.stem = _stem(in_channels, build, separable_stem, lrn)
        channels = build.channels(_STEM_2)
        positions = _halve(image_size, _STEM_HALVINGS)
        self.rows = nn.ModuleDict()
        self.aux_heads = nn.ModuleDict()
        for number, row in enumerate(rows):
            positions = _halve(positions, row.stride - 1)
            per_activation = number >= len(rows) - per_activation_modules
            module = InceptionModule(row, channels, build, positions if per_activation else None)
            self.rows[row.name] = module
            channels = module.out_channels
            if aux_head and row.name in _AUXILIARY_ROWS:
                self.aux_heads[row.name] = _AuxiliaryHead(channels, num_classes, build)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(channels, num_classes)
        initialize(self, init, generator)

    def forward(self, x_NCHW: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Images (N, in_channels, H, W) to logits (N, num_classes).

        In training with auxiliary heads: the logits, then each head's.
        """
        x = self.stem(x_NCHW)
        auxiliary = []
        for name, row in self.rows.items():
            x = row(x)
            if self.training and name in self.aux_heads:
                auxiliary.append(self.aux_heads[name](x))
        logits: Tensor = self.output(self.dropout(x.mean((2, 3))))
        return (logits, *auxiliary) if auxiliary else logits


def _stem(fan_in: int, build: _Builder, separable: bool, lrn: bool) -> nn.Sequential:
    """conv1 7x7/2, max pooling, conv2 (1x1 reduce, 3x3), max pooling."""
    one = build.channels(_STEM_1)
    if separable:
        first = build.activated(SeparableConv2d(fan_in, one, bias=not build.norm.shifts), one)
    else:
        first = build.conv(fan_in, one, 7, 2)
    reduced, two = build.channels(_STEM_2_REDUCE), build.channels(_STEM_2)
    layers: list[nn.Module] = [first, nn.MaxPool2d(3, 2, padding=1)]
    if lrn:
        layers.append(LocalResponseNorm(one))
    layers += [build.conv(one, reduced, 1), build.conv(reduced, two, 3)]
    if lrn:
        layers.append(LocalResponseNorm(two))
    layers.append(nn.MaxPool2d(3, 2, padding=1))
    return nn.Sequential(*layers)


def _with_printed_sums(rows: Sequence[Row]) -> tuple[Row, ...]:
    return tuple(
        row._replace(project=_PRINTED_PROJECTION) if row.name in ("4c", "4d") else row
        for row in rows
    )


def _halve(size: int, times: int) -> int:
    """Height or width after this many strides of 2, each rounding up."""
    for _ in range(times):
        size = -(-size // 2)
    return size
