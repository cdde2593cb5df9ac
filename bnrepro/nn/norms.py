"""The normalizations that a network can be built with."""

from collections.abc import Callable
from functools import partial

from torch import nn

from bnrepro.nn.batch_norm import BatchNorm
from bnrepro.nn.synchronized_batch_norm import SynchronizedBatchNorm

NormFactory = Callable[[int], nn.Module]
"""Makes the normalization of a layer with so many features or feature maps."""

ActivationNormFactory = Callable[[tuple[int, int, int]], nn.Module]
"""Makes the normalization of each activation of a (C, H, W) layer by itself."""


class Normalization:
    """How a network normalizes: makes the layer, and says whether it carries a shift.

    A layer whose normalization shifts by beta needs no bias of its own (Section 3.2).

    Args:
        features: makes the layer for inputs (N, C).
        maps: makes the layer for inputs (N, C, H, W).
        activations: makes the per-activation layer for inputs (N, C, H, W), where there is one.
    """

    def __init__(
        self,
        features: NormFactory | None,
        maps: NormFactory | None,
        activations: ActivationNormFactory | None = None,
    ) -> None:
        self._features = features
        self._maps = maps
        self._activations = activations

    @property
    def shifts(self) -> bool:
        """Whether a beta takes the place of the preceding layer's bias."""
        return self._features is not None

    def features(self, count: int) -> nn.Module:
        """The layer for ``count`` features, inputs (N, C)."""
        return nn.Identity() if self._features is None else self._features(count)

    def maps(self, count: int) -> nn.Module:
        """The layer for ``count`` feature maps, inputs (N, C, H, W)."""
        return nn.Identity() if self._maps is None else self._maps(count)

    def activations(self, shape: tuple[int, int, int]) -> nn.Module:
        """The layer that normalizes each activation of a (C, H, W) layer by itself.

        Raises:
            ValueError: only batch normalization has a per-activation form.
        """
        if self._activations is None:
            raise ValueError("only batch normalization has a per-activation form")
        return self._activations(shape)


def no_norm() -> Normalization:
    """The network as it is."""
    return Normalization(None, None)


def batch_norm(eps: float = 1e-5, momentum: float | None = 0.1) -> Normalization:
    """Batch normalization by torch's fused implementation."""
    return Normalization(
        partial(nn.BatchNorm1d, eps=eps, momentum=momentum),
        partial(nn.BatchNorm2d, eps=eps, momentum=momentum),
        # torch has no per-activation form.
        partial(BatchNorm, eps=eps, momentum=momentum),
    )


def batch_norm_reference(eps: float = 1e-5, momentum: float | None = 0.1) -> Normalization:
    """Batch normalization by `BatchNorm`, written from the paper."""
    layer = partial(BatchNorm, eps=eps, momentum=momentum)
    return Normalization(layer, layer, layer)


def batch_norm_synchronized(eps: float = 1e-5, momentum: float | None = 0.1) -> Normalization:
    """Batch normalization over the mini-batches of all processes, by `SynchronizedBatchNorm`."""
    layer = partial(SynchronizedBatchNorm, eps=eps, momentum=momentum)
    return Normalization(layer, layer, layer)


def layer_norm(eps: float = 1e-5) -> Normalization:
    """Layer normalization (Ba et al. 2016): each example over all its features and positions.

    One gamma and beta per feature or feature map: group normalization with a single group.
    """
    return group_norm(groups=1, eps=eps)


def group_norm(groups: int, eps: float = 1e-5) -> Normalization:
    """Group normalization (Wu & He 2018): each example over groups of its channels."""

    def layer(count: int) -> nn.Module:
        return nn.GroupNorm(groups, count, eps=eps)

    return Normalization(layer, layer)
