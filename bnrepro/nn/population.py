"""Algorithm 2: the statistics that a trained network uses at inference."""

import copy
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm as TorchBatchNorm

from bnrepro.nn.batch_norm import BatchNorm


class _Averages:
    """Running sums of the batch means and biased batch variances of one layer's inputs."""

    def __init__(self, per_activation: bool) -> None:
        self.per_activation = per_activation
        self.batches = 0
        self.values_per_feature = 0
        self.mean = torch.zeros(())
        self.var = torch.zeros(())

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
        self.mean = self.mean.to(mean.device) + mean
        self.var = self.var.to(var.device) + var
        self.values_per_feature = m
        self.batches += 1


@torch.no_grad()
def estimate_population_statistics(model: nn.Module, batches: Iterable[Tensor]) -> None:
    """Replace every BN layer's moving averages by Algorithm 2's population estimates, in place.

    E[x] is the mean of the batch means and Var[x] = m / (m - 1) times the mean of the biased batch
    variances, with m the number of values per feature in a batch (for feature maps: batch times
    positions, Section 3.2). Each layer sees what it saw in training: the layers before it normalize
    by the batch's own statistics. Afterwards ``model.eval()`` is the paper's inference network.

    Args:
        model: any module. Only its BN layers' ``running_mean`` and ``running_var`` change, and only
            on success; one that inference does not run, in an auxiliary classifier, keeps its own.
            Layers other than BN run as in evaluation (no Dropout).
        batches: training inputs, all of one size; at least one.

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
        return
    # The passes below move averages and modes; they do so on a copy.
    scratch = copy.deepcopy(model).eval()
    averages = {}
    for name, layer in layers.items():
        if layer.running_mean is None or layer.running_var is None:
            raise ValueError(f"{name}: track_running_stats=False leaves no place for the estimates")
        averages[name] = _Averages(per_activation=not isinstance(layer.num_features, int))
        twin = scratch.get_submodule(name).train()
        twin.register_forward_pre_hook(averages[name].observe)
    for x in batches:
        scratch(x)
    reached = [name for name, average in averages.items() if average.batches]
    if not reached:
        raise ValueError("Algorithm 2 needs at least one mini-batch")
    for name in reached:
        layer, average = layers[name], averages[name]
        m = average.values_per_feature
        assert layer.running_mean is not None
        assert layer.running_var is not None
        layer.running_mean.copy_(average.mean / average.batches)
        layer.running_var.copy_(average.var / average.batches * (m / (m - 1)))
