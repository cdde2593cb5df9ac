"""Distributions of the inputs to the nonlinearities: Figure 1(b, c)."""

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnrepro.nn import Activated
from bnrepro.runs import Row

PERCENTILES = (15, 50, 85)

# A feature map has thousands of positions; this many values of a layer tell its percentiles.
_POOLED_VALUES = 1_000_000


@torch.no_grad()
def observe_activation_inputs(
    network: nn.Module,
    inputs_NCHW: Tensor,
    unit: int,
    on_inputs: Callable[[str, Tensor], None] = lambda _layer, _inputs: None,
) -> Row:
    """The {15, 50, 85}th percentiles of what each layer's nonlinearity receives.

    Args:
        network: in evaluation mode; its `Activated` layers are observed.
        inputs_NCHW: what the network receives.
        unit: the one unit (or feature map) followed in each layer.
        on_inputs: told of each layer's name and of what its nonlinearity receives.

    Returns:
        ``probe/<layer>/unit/p15`` and so on for that unit, ``probe/<layer>/all/p15`` for all units
        of the layer together.
    """
    seen: Row = {}

    def observe(name: str, inputs: Tensor) -> None:
        seen.update(_percentiles(name, inputs, unit))
        on_inputs(name, inputs)

    hooks = [
        layer.activation.register_forward_pre_hook(
            lambda _module, inputs, name=name: observe(name, inputs[0])
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


def sample_values(flat: Tensor, most: int) -> NDArray[np.float32]:
    """Evenly spaced values of a flat tensor, all where it has no more than ``most``."""
    stride = -(-flat.numel() // most)
    while math.gcd(stride, flat.numel()) > 1:  # or it would see some columns only
        stride += 1
    return flat[::stride].float().cpu().numpy()


def _percentiles(name: str, inputs: Tensor, unit: int) -> Row:
    values = {"unit": inputs[:, unit].flatten(), "all": inputs.flatten()}
    row: Row = {}
    for which, flat in values.items():
        seen = sample_values(flat, _POOLED_VALUES)
        finite = np.isfinite(seen).all()
        found = np.percentile(seen, PERCENTILES) if finite else [np.nan] * len(PERCENTILES)
        for percentile, value in zip(PERCENTILES, found, strict=True):
            row[f"probe/{name}/{which}/p{percentile}"] = float(value)
    return row
