"""The singular values of the layers' Jacobians (Section 3.3)."""

import copy
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from bnrepro.nn import Activated, Mlp
from bnrepro.runs import Row
from bnrepro.runs.tags import END_TO_END, singular_values
from bnrepro.training.activations import observe_activation_inputs
from bnrepro.training.measurement import Measurement, Subject

_EXAMPLES = 16
_PERCENTILES = (10, 50, 90)


def jacobian(subject: Subject) -> Measurement:
    """Singular values of dz/dx: x is what a layer's nonlinearity receives, z what the next one's.

    With BN both are normalized vectors before scale and shift: Section 3.3 conjectures that all
    singular values are then 1, if x and z are Gaussian and uncorrelated and the layer is
    approximately linear. ``jacobian/<layer>/p10``, ``p50``, ``p90`` and ``near_one`` (the share
    from 1/2 to 2), over the first 16 held-out examples in the inference network; ``end_to_end`` for
    the product of the layers' Jacobians, from the first hidden layer to the last. In double
    precision: a product of many has values far apart.
    """
    network = copy.deepcopy(cast(Mlp, subject.network)).double()
    dataset = subject.session.dataset
    images = dataset.test.images[:_EXAMPLES].to(subject.session.device)
    received: list[Tensor] = []
    observe_activation_inputs(
        network, dataset.to_input(images).double(), lambda _layer, x: received.append(x)
    )
    layers = cast(list[Activated], [*network.hidden])
    row: Row = {}
    product = None
    for i, (below, layer) in enumerate(pairwise(layers), start=1):
        jacobian_NOI = layer_jacobian(below, layer, received[i - 1])
        product = jacobian_NOI if product is None else jacobian_NOI @ product
        row |= _describe(f"hidden.{i}", jacobian_NOI)
    return Measurement(row if product is None else row | _describe(END_TO_END, product))


def layer_jacobian(below: Activated, layer: Activated, x_NI: Tensor) -> Tensor:
    """dz/dx of each example, (N, O, I), for z = norm(W g(x)) before scale and shift.

    Args:
        below: the layer whose nonlinearity g receives x; in evaluation mode.
        layer: the next one, of O units; likewise.
        x_NI: after scale and shift.
    """
    units = cast(nn.Linear, layer.linear).out_features
    with torch.enable_grad():
        # A copy of the examples for each unit of z: all its derivatives come from one pass.
        x_ONI = x_NI.expand(units, *x_NI.shape).clone().requires_grad_()
        z = layer.norm(layer.linear(below.activation(x_ONI.flatten(0, 1))))
        own_ON = z.unflatten(0, (units, -1)).diagonal(dim1=0, dim2=2)
        [jacobian_ONI] = torch.autograd.grad(own_ON.sum(), x_ONI)
    return jacobian_ONI.transpose(0, 1) * _scale(below.norm) / _scale(layer.norm)[:, None]


def _scale(norm: nn.Module) -> Tensor:
    """The gamma of a norm, (units,); 1 where it has none."""
    scale = getattr(norm, "weight", None)
    return scale.detach() if isinstance(scale, Tensor) else torch.ones(1, dtype=torch.float64)


def _describe(layer: str, jacobian_NOI: Tensor) -> Row:
    if not jacobian_NOI.isfinite().all():  # a network that diverges; its loss tells
        return {}
    values = torch.linalg.svdvals(jacobian_NOI).flatten()
    near_one = ((values >= 0.5) & (values <= 2)).double().mean()
    row = {singular_values(layer, "near_one"): float(near_one)}
    for percentile in _PERCENTILES:
        row[singular_values(layer, f"p{percentile}")] = float(values.quantile(percentile / 100))
    return row
