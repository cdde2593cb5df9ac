"""Histograms of the inputs to the nonlinearities."""

import numpy as np
from torch import Tensor

from bnrepro.runs import Histogram
from bnrepro.training.activations import observe_activation_inputs, sample_values
from bnrepro.training.measurement import Measurement, Subject

_BINS = 30
_VALUES = 20_000  # enough to tell 30 bins; counting a whole layer would slow a small network down


def activation_histograms(subject: Subject) -> Measurement:
    """What each layer's nonlinearity receives, all units together; only finite values have one."""
    histograms: list[Histogram] = []

    def observe(layer: str, inputs: Tensor) -> None:
        values = sample_values(inputs.flatten(), _VALUES)
        if np.isfinite(values).all():
            counts, edges = np.histogram(values, bins=_BINS)
            low, high = float(edges[0]), float(edges[-1])
            histograms.append(Histogram(subject.step, layer, low, high, counts.tolist()))

    observe_activation_inputs(subject.network, subject.probe_inputs, observe)
    return Measurement({}, tuple(histograms))
