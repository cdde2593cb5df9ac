"""Algorithm 2: the statistics that a trained network uses at inference."""

import copy
from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm as TorchBatchNorm

from bnrepro.nn.batch_norm import BatchNorm
from bnrepro.nn.batch_renorm import BatchRenorm
from bnrepro.nn.moving_averages import MovingAverages


class _Sums:
    """Running sums of the batch means and biased batch variances of one layer's inputs."""

    def __init__(self, per_activation: bool) -> None:
        self.per_activation = per_activation
        self.batches = 0
        self.values_per_feature = 0
        self.mean = torch.zeros(())
        self.var = torch.zeros(())
        # Of the batch means, from the first one: a sum of squares from zero would lose a variance
        # that is small beside the mean.
        self.first_mean = torch.zeros(())
        self.squared_shift = torch.zeros(())

    def observe(self, _layer: nn.Module, inputs: tuple[Any, ...]) -> None:
        """A forward pre-hook: sees what the layer is about to normalize."""
        x: Tensor = inputs[0]
        axes = [0] if self.per_activation else [0, *range(2, x.dim())]
        wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        var, mean = torch.var_mean(wide, axes, correction=0)
        m = x.numel() // mean.numel()
        if self.batches and m != self.values_per_feature:
            raise ValueError(
                f"Algorithm 2 averages over mini-batches of one size; got {m} values per feature "
                f"after {self.values_per_feature}"
            )
        if not self.batches:
            self.first_mean = mean
        self.mean = self.mean.to(mean.device) + mean
        self.var = self.var.to(var.device) + var
        self.squared_shift = self.squared_shift.to(mean.device) + (mean - self.first_mean) ** 2
        self.values_per_feature = m
        self.batches += 1

    def population(self) -> tuple[Tensor, Tensor]:
        """Mean and variance by Algorithm 2."""
        m = self.values_per_feature
        return self.mean / self.batches, self.var / self.batches * (m / (m - 1))

    def pooled(self) -> tuple[Tensor, Tensor]:
        """Mean and biased variance of all batches together."""
        mean = self.mean / self.batches
        of_means = self.squared_shift / self.batches - (mean - self.first_mean) ** 2
        return mean, self.var / self.batches + of_means.clamp(min=0)


@torch.no_grad()
def estimate_population_statistics(
    model: nn.Module,
    batches: Iterable[Tensor],
    statistics: Literal["population", "pooled"] = "population",
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
        batches: training inputs, all of one size; at least one.
        statistics: how Var[x] is estimated.

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
        _average(model, batches)
        return
    # The passes below move averages and modes; they do so on a copy.
    scratch = copy.deepcopy(model).eval()
    sums = {}
    for name, layer in layers.items():
        if layer.running_mean is None or layer.running_var is None:
            raise ValueError(f"{name}: track_running_stats=False leaves no place for the estimates")
        sums[name] = _Sums(per_activation=not isinstance(layer.num_features, int))
        twin = scratch.get_submodule(name).train()
        twin.register_forward_pre_hook(sums[name].observe)
    for x in batches:
        scratch(x)
    reached = [name for name, of_layer in sums.items() if of_layer.batches]
    if not reached:
        raise ValueError("Algorithm 2 needs at least one mini-batch")
    for name in reached:
        layer, of_layer = layers[name], sums[name]
        mean, var = of_layer.population() if statistics == "population" else of_layer.pooled()
        assert layer.running_mean is not None
        assert layer.running_var is not None
        layer.running_mean.copy_(mean)
        layer.running_var.copy_(var)


def _average(model: nn.Module, batches: Iterable[Tensor]) -> None:
    scratch = copy.deepcopy(model).eval()
    names = [
        name
        for name, module in scratch.named_modules()
        if isinstance(module, MovingAverages) and not isinstance(module, BatchRenorm)
    ]
    twins = [scratch.get_submodule(name) for name in names]
    for twin in twins:
        assert isinstance(twin, MovingAverages)
        twin.train()
        twin.restart()
    if not twins:
        return
    for x in batches:
        scratch(x)
    for name, twin in zip(names, twins, strict=True):
        model.get_submodule(name).load_state_dict(
            {key: value for key, value in twin.state_dict().items() if key.startswith("running_")},
            strict=False,
        )
