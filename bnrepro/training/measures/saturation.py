"""How many sigmoids are saturated."""

from torch import Tensor

from bnrepro.runs import Row, tags
from bnrepro.training.activations import observe_activation_inputs
from bnrepro.training.measurement import Measurement, Subject

_FLAT = 0.01  # of a derivative that is 0.25 at most


def saturation(subject: Subject) -> Measurement:
    """``saturation/<layer>``: share of sigmoids, over units and examples, with g' below 0.01.

    Their inputs are beyond +-4.6 (Sections 1 and 3.4: saturated regimes).
    """
    row: Row = {}

    def observe(layer: str, inputs: Tensor) -> None:
        outputs = inputs.sigmoid()
        row[tags.saturation(layer)] = float((outputs * (1 - outputs) < _FLAT).float().mean())

    observe_activation_inputs(subject.network, subject.probe_inputs, observe)
    return Measurement(row)
