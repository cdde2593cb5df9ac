"""Algorithm 2: the statistics that a trained network uses at inference."""

import copy
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm as TorchBatchNorm

from bnrepro.nn.batch_norm import BatchNorm
from bnrepro.nn.batch_renorm import BatchRenorm
from bnrepro.nn.batch_variants import GhostBatchNorm
from bnrepro.nn.moving_averages import MovingAverages

# Input values that pass through the network together: one small mini-batch leaves a CPU waiting for
# Python, and what is larger leaves its caches.
_VALUES_AT_ONCE = 1_000_000


class _Estimate:
    """One layer in the passes of Algorithm 2: normalizes as in training, and sums the statistics.

    It takes several mini-batches at once, one behind the other, and normalizes each by its own
    mean and biased variance.
    """

    def __init__(self, layer: BatchNorm | TorchBatchNorm) -> None:
        self.layer = layer
        self.per_activation = not isinstance(layer.num_features, int)
        self.batches = 0
        self.values_per_feature = 0
        self.mean = torch.zeros(())
        self.var = torch.zeros(())
        # Of the batch means, from the first one: a sum of squares from zero would lose a variance
        # that is small beside the mean.
        self.first_mean = torch.zeros(())
        self.squared_shift = torch.zeros(())

    def normalize(self, x: Tensor, batches: int) -> Tensor:
        """What the layer does in training, for this many mini-batches."""
        wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        if isinstance(self.layer, GhostBatchNorm):
            batches = len(x) // self.layer.examples
        grouped = wide.unflatten(0, (batches, -1))  # G, N, C and positions, if there are any
        axes = [1] if self.per_activation else [1, *range(3, grouped.dim())]
        mean = grouped.mean(axes, keepdim=True)
        centred = grouped - mean
        # In two passes, of which the second is needed anyway: var_mean takes several times as long.
        var = (centred * centred).mean(axes, keepdim=True)
        self._add(mean, var, m=x.numel() // mean.numel())
        features = mean.shape[2:]
        weight, bias = self.layer.weight, self.layer.bias
        scale = torch.rsqrt(var + self.layer.eps)
        if weight is not None:
            scale *= weight.view(features)
        y: Tensor = centred.mul_(scale)
        if bias is not None:
            y += bias.view(features)
        return y.flatten(0, 1).to(x.dtype)

    def _add(self, mean: Tensor, var: Tensor, m: int) -> None:
        if m < 2:
            raise ValueError(
                f"batch statistics need more than 1 value per feature, got {m}; "
                "use a larger mini-batch"
            )
        if not self.batches:
            self.first_mean = mean[0]
        self.mean = self.mean.to(mean.device) + mean.sum(0)
        self.var = self.var.to(var.device) + var.sum(0)
        shift = mean - self.first_mean
        self.squared_shift = self.squared_shift.to(mean.device) + shift.square().sum(0)
        self.values_per_feature = m
        self.batches += len(mean)

    def population(self) -> tuple[Tensor, Tensor]:
        """Mean and variance by Algorithm 2."""
        m = self.values_per_feature
        return self.mean / self.batches, self.var / self.batches * (m / (m - 1))

    def pooled(self) -> tuple[Tensor, Tensor]:
        """Mean and biased variance of all batches together."""
        mean = self.mean / self.batches
        of_means = self.squared_shift / self.batches - (mean - self.first_mean) ** 2
        return mean, self.var / self.batches + of_means.clamp(min=0)


def _unchanged(x: Tensor) -> Tensor:
    return x


@torch.no_grad()
def estimate_population_statistics(
    model: nn.Module,
    batches: Iterable[Tensor],
    statistics: Literal["population", "pooled"] = "population",
    to_input: Callable[[Tensor], Tensor] = _unchanged,
) -> None:
    """Replace every BN layer's moving averages by estimates from training mini-batches, in place.

    Each layer sees what it saw in training: the layers before it normalize by the batch's own
    statistics. E[x] is the mean of the batch means. For Var[x] there are two ways to combine them:

    ``population``, Algorithm 2: m / (m - 1) times the mean of the biased batch variances, with m
    the number of values per feature in a batch (for feature maps: batch times positions, Section
    3.2). Afterwards ``model.eval()`` is the paper's inference network. The factor makes the
    estimate unbiased if the examples of a batch are independent. That holds below the first BN
    layer only. A BN layer gives the examples of a batch zero sum, which correlates any two of them
    by -1 / (m - 1); what the layers above see keeps much of that, so the batch variance there is
    nearly the whole variance already, and the factor makes it too large: up to twice at m = 2.

    ``pooled``: the biased variance of all examples together, that is the mean of the batch
    variances plus the variance of the batch means (PreciseBN, Wu & Johnson 2021, "Rethinking
    'Batch' in BatchNorm", Section 3). It assumes nothing about the examples of a batch.

    Args:
        model: any module. Only its BN layers' ``running_mean`` and ``running_var`` change, and only
            on success; one that inference does not run, in an auxiliary classifier, keeps its own.
            Layers other than BN run as in evaluation (no Dropout). In a network without BN the
            averages of `MovingAverages` become means over the batches, whatever ``statistics``;
            those of `BatchRenorm`, which it was trained with, stay.
        batches: training mini-batches, all of one size; at least one.
        statistics: how Var[x] is estimated.
        to_input: turns examples of ``batches`` into what the model receives, each by itself: it
            is given several mini-batches at once.

    Raises:
        ValueError: no batch, batches of different sizes, one value per feature (m > 1 is needed),
            or a BN layer that keeps no running statistics to put the estimates into.
    """
    layers = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, BatchNorm | TorchBatchNorm)
    }
    if not layers:
        _average(model, map(to_input, batches))
        return
    for name, layer in layers.items():
        if layer.running_mean is None or layer.running_var is None:
            raise ValueError(f"{name}: track_running_stats=False leaves no place for the estimates")
    estimates = {name: _Estimate(layer) for name, layer in layers.items()}
    # For these passes its own BN layers stand aside: copying a small network takes longer.
    at_once = 1  # mini-batches in a pass
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        for name, estimate in estimates.items():
            vars(layers[name])["forward"] = lambda x, of=estimate: of.normalize(x, at_once)
        for group in _groups(batches):
            at_once = len(group)
            model(to_input(torch.cat(group)))  # as they are stored, they are smaller
    finally:
        for layer in layers.values():
            vars(layer).pop("forward", None)
        for module, mode in modes.items():
            module.training = mode
    reached = [name for name, estimate in estimates.items() if estimate.batches]
    if not reached:
        raise ValueError("Algorithm 2 needs at least one mini-batch")
    for name in reached:
        layer, estimate = layers[name], estimates[name]
        mean, var = estimate.population() if statistics == "population" else estimate.pooled()
        assert layer.running_mean is not None
        assert layer.running_var is not None
        layer.running_mean.copy_(mean.view_as(layer.running_mean))
        layer.running_var.copy_(var.view_as(layer.running_var))


def _average(model: nn.Module, batches: Iterable[Tensor]) -> None:
    """The same for layers whose statistics Algorithm 2 does not name: covariances, means alone."""
    names = [
        name
        for name, module in model.named_modules()
        if isinstance(module, MovingAverages) and not isinstance(module, BatchRenorm)
    ]
    if not names:
        return
    scratch = copy.deepcopy(model).eval()
    twins = [scratch.get_submodule(name) for name in names]
    for twin in twins:
        assert isinstance(twin, MovingAverages)
        twin.train()
        twin.restart()
    for x in batches:
        scratch(x)
    for name, twin in zip(names, twins, strict=True):
        model.get_submodule(name).load_state_dict(
            {key: value for key, value in twin.state_dict().items() if key.startswith("running_")},
            strict=False,
        )


def _groups(batches: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """Mini-batches that pass through the network together, all but the last group of one size."""
    group: list[Tensor] = []
    shape = None
    for x in batches:
        shape = shape or x.shape
        if x.shape != shape:
            raise ValueError(
                f"Algorithm 2 averages over mini-batches of one size; got {tuple(x.shape)} "
                f"after {tuple(shape)}"
            )
        group.append(x)
        if len(group) * x.numel() >= _VALUES_AT_ONCE:
            yield group
            group = []
    if group:
        yield group
