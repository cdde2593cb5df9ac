"""The normalizations that a network can be built with."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from torch import nn

from bnrepro.nn.batch_norm import BatchNorm
from bnrepro.nn.batch_renorm import BatchRenorm
from bnrepro.nn.batch_variants import DetachedBatchNorm, GhostBatchNorm, ShiftingNoise
from bnrepro.nn.layers import Activated, ActivatedThenNormalized, Activation, Placement
from bnrepro.nn.mean_only import MeanOnlyBatchNorm
from bnrepro.nn.synchronized_batch_norm import SynchronizedBatchNorm
from bnrepro.nn.whitening import Whitening

NormFactory = Callable[[int], nn.Module]
"""Makes the normalization of a layer with this many features or feature maps."""

ActivationNormFactory = Callable[[tuple[int, int, int]], nn.Module]
"""Makes the normalization of each activation of a (C, H, W) layer by itself."""


Size = TypeVar("Size", int, tuple[int, int, int])


class Normalization:
    """How a network normalizes: makes the layer, and says where it stands.

    A linear map right before a normalization needs no bias of its own (Section 3.2).

    Args:
        features: makes the layer for inputs (N, C).
        maps: makes the layer for inputs (N, C, H, W).
        activations: makes the per-activation layer for inputs (N, C, H, W), where there is one.
        placement: before or after the nonlinearity.
        bias: whether the linear maps have biases; None: where the normalization does not stand
            right behind them.
    """

    def __init__(
        self,
        features: NormFactory | None,
        maps: NormFactory | None,
        activations: ActivationNormFactory | None = None,
        placement: Placement = "before",
        bias: bool | None = None,
    ) -> None:
        self._features = features
        self._maps = maps
        self._activations = activations
        self._placement = placement
        self._bias = bias

    def placed(self, placement: Placement, bias: bool | None) -> "Normalization":
        """The same at another place."""
        return Normalization(self._features, self._maps, self._activations, placement, bias)

    @property
    def shifts(self) -> bool:
        """Whether the preceding layer has no bias: a beta takes its place."""
        if self._bias is not None:
            return not self._bias
        return self._features is not None and self._placement == "before"

    def activated(self, linear: nn.Module, layer: nn.Module, activation: Activation) -> Activated:
        """A linear map with its normalization and its nonlinearity."""
        kind = Activated if self._placement == "before" else ActivatedThenNormalized
        return kind(linear, layer, activation)

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


def batch_norm(
    eps: float = 1e-5, momentum: float | None = 0.1, gamma: bool = True, beta: bool = True
) -> Normalization:
    """Batch normalization by torch's fused implementation."""
    return _learning(
        gamma,
        beta,
        partial(nn.BatchNorm1d, eps=eps, momentum=momentum),
        partial(nn.BatchNorm2d, eps=eps, momentum=momentum),
        # torch has no per-activation form.
        partial(BatchNorm, eps=eps, momentum=momentum),
    )


def batch_norm_reference(
    eps: float = 1e-5, momentum: float | None = 0.1, gamma: bool = True, beta: bool = True
) -> Normalization:
    """Batch normalization by `BatchNorm`, written from the paper."""
    layer = partial(BatchNorm, eps=eps, momentum=momentum)
    return _learning(gamma, beta, layer, layer, layer)


def _learning(
    gamma: bool,
    beta: bool,
    features: NormFactory,
    maps: NormFactory,
    activations: ActivationNormFactory,
) -> Normalization:
    """Layers that scale by gamma and shift by beta, or do not."""

    def make(factory: Callable[[Size], nn.Module], size: Size) -> nn.Module:
        layer = factory(size)
        for name, is_learnt in (("weight", gamma), ("bias", beta)):
            if not is_learnt:
                layer.register_parameter(name, None)
        return layer

    return Normalization(partial(make, features), partial(make, maps), partial(make, activations))


def batch_norm_detached(eps: float = 1e-5, momentum: float | None = 0.1) -> Normalization:
    """Batch normalization that the gradient does not know of."""
    layer = partial(DetachedBatchNorm, eps=eps, momentum=momentum)
    return Normalization(layer, layer, layer)


def batch_norm_synchronized(
    eps: float = 1e-5, momentum: float | None = 0.1, gamma: bool = True, beta: bool = True
) -> Normalization:
    """Batch normalization over the mini-batches of all processes, by `SynchronizedBatchNorm`."""
    layer = partial(SynchronizedBatchNorm, eps=eps, momentum=momentum)
    return _learning(gamma, beta, layer, layer, layer)


def batch_norm_ghost(
    examples: int, eps: float = 1e-5, momentum: float | None = 0.1
) -> Normalization:
    """Batch normalization by groups of this many examples of a mini-batch (Hoffer et al. 2017)."""
    layer = partial(GhostBatchNorm, eps=eps, momentum=momentum, examples=examples)
    return Normalization(layer, layer, layer)


def batch_norm_noisy(eps: float = 1e-5, momentum: float | None = 0.1) -> Normalization:
    """Batch normalization with `ShiftingNoise` behind it (Santurkar et al. 2018)."""

    def noisy(layer: type[nn.Module], size: int | tuple[int, int, int]) -> nn.Module:
        return nn.Sequential(layer(size, eps=eps, momentum=momentum), ShiftingNoise())

    return Normalization(
        partial(noisy, nn.BatchNorm1d), partial(noisy, nn.BatchNorm2d), partial(noisy, BatchNorm)
    )


def batch_norm_mean_only(momentum: float | None = 0.1) -> Normalization:
    """Batch normalization of the mean alone (Salimans & Kingma 2016)."""
    layer = partial(MeanOnlyBatchNorm, momentum=momentum)
    return Normalization(layer, layer)


def batch_renorm(
    eps: float = 1e-5,
    momentum: float | None = 0.1,
    r_max: float = 3.0,
    d_max: float = 5.0,
    plain_steps: int = 5_000,
    rise_steps: int = 20_000,
) -> Normalization:
    """Batch Renormalization (Ioffe 2017)."""
    layer = partial(
        BatchRenorm,
        eps=eps,
        momentum=momentum,
        r_max=r_max,
        d_max=d_max,
        plain_steps=plain_steps,
        rise_steps=rise_steps,
    )
    return Normalization(layer, layer)


def whitening(
    eps: float = 1e-5, momentum: float | None = 0.1, gradient: bool = True
) -> Normalization:
    """ZCA whitening of the mini-batch (Section 2; Huang et al. 2018)."""
    layer = partial(Whitening, eps=eps, momentum=momentum, gradient=gradient)
    return Normalization(layer, layer)


def instance_norm(eps: float = 1e-5) -> Normalization:
    """Instance normalization (Ulyanov et al. 2016): each feature map of each example by itself."""

    def features(_count: int) -> nn.Module:
        raise ValueError("instance normalization of features: each is one value, its own mean")

    return Normalization(features, partial(nn.InstanceNorm2d, eps=eps, affine=True))


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
