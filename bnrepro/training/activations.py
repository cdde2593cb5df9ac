"""The inputs to a network's nonlinearities, observed while it computes."""

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnrepro.nn import Activated


@torch.no_grad()
def observe_activation_inputs(
    network: nn.Module, inputs_NCHW: Tensor, observe: Callable[[str, Tensor], None]
) -> None:
    """Pass examples through the network once.

    Args:
        network: in evaluation mode; its `Activated` layers are observed.
        inputs_NCHW: what the network receives.
        observe: called with each layer's name and what its nonlinearity receives: (N, units) or
            (N, feature maps, H, W).
    """
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


def sample_values(flat: Tensor, most: int) -> NDArray[np.float32]:
    """Evenly spaced values of a flat tensor, all where it has no more than ``most``."""
    stride = -(-flat.numel() // most)
    while math.gcd(stride, flat.numel()) > 1:  # or it would see some columns only
        stride += 1
    return flat[::stride].float().cpu().numpy()
