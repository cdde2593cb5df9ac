"""Distributions of the inputs to the nonlinearities: Figure 1(b, c)."""

import math

import numpy as np
import torch
from torch import Tensor, nn

from bnrepro.nn import Activated
from bnrepro.run_directory import Row

PERCENTILES = (15, 50, 85)

# A feature map has thousands of positions; this many values of a layer tell its percentiles.
_POOLED_VALUES = 1_000_000


@torch.no_grad()
def observe_activation_inputs(network: nn.Module, inputs_NCHW: Tensor, unit: int) -> Row:
    """The {15, 50, 85}th percentiles of what each layer's nonlinearity receives.

    Args:
        network: in evaluation mode; its `Activated` layers are observed.
        inputs_NCHW: what the network receives.
        unit: the one unit (or feature map) followed in each layer.

    Returns:
        ``probe/<layer>/unit/p15`` and so on for that unit, ``probe/<layer>/all/p15`` for all units
        of the layer together.
    """
    seen: Row = {}
    hooks = [
        layer.activation.register_forward_pre_hook(
            lambda _module, inputs, name=name: seen.update(_percentiles(name, inputs[0], unit))
        )
        for name, layer in network.named_modules()
        if isinstance(layer, Activated)
    ]
    try:
        network(inputs_NCHW)
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def _percentiles(name: str, inputs: Tensor, unit: int) -> Row:
    values = {"unit": inputs[:, unit].flatten(), "all": inputs.flatten()}
    row: Row = {}
    for which, flat in values.items():
        stride = -(-flat.numel() // _POOLED_VALUES)
        while math.gcd(stride, flat.numel()) > 1:  # or it would see some columns only
            stride += 1
        seen = flat[::stride].float().cpu().numpy()
        finite = np.isfinite(seen).all()
        found = np.percentile(seen, PERCENTILES) if finite else [np.nan] * len(PERCENTILES)
        for percentile, value in zip(PERCENTILES, found, strict=True):
            row[f"probe/{name}/{which}/p{percentile}"] = float(value)
    return row
