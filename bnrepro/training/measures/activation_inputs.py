"""Figure 1(b, c): percentiles of the inputs to the nonlinearities."""

import numpy as np
from torch import Tensor

from bnrepro.runs import Row
from bnrepro.runs.tags import PERCENTILES, activation_input
from bnrepro.training.activations import observe_activation_inputs, sample_values
from bnrepro.training.measurement import Measurement, Subject

# A feature map has thousands of positions; this many values of a layer tell its percentiles.
_POOLED_VALUES = 1_000_000


def activation_inputs(subject: Subject) -> Measurement:
    """The {15, 50, 85}th percentiles of what each layer's nonlinearity receives.

    ``probe/<layer>/unit/p15`` and so on of the unit ``probe.unit``, ``probe/<layer>/all/p15`` of
    all units of the layer together.
    """
    row: Row = {}
    unit = subject.session.config.probe.unit

    def observe(layer: str, inputs: Tensor) -> None:
        row.update(_percentiles(layer, inputs, unit))

    observe_activation_inputs(subject.network, subject.probe_inputs, observe)
    return Measurement(row)


def _percentiles(layer: str, inputs: Tensor, unit: int) -> Row:
    row: Row = {}
    for which, flat in (("unit", inputs[:, unit].flatten()), ("all", inputs.flatten())):
        values = sample_values(flat, _POOLED_VALUES)
        finite = np.isfinite(values).all()
        # Sorted first: numpy sorts with vectors, and looks for several places in order without.
        points = (
            np.percentile(np.sort(values), PERCENTILES) if finite else [np.nan] * len(PERCENTILES)
        )
        for percentile, point in zip(PERCENTILES, points, strict=True):
            row[activation_input(layer, which, percentile)] = float(point)
    return row
