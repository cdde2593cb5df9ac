"""How large the learnt scales are."""

from torch import Tensor

from bnrepro.nn import Activated
from bnrepro.runs import Row
from bnrepro.runs.tags import gamma_of
from bnrepro.training.measurement import Measurement, Subject


def gamma(subject: Subject) -> Measurement:
    """The mean of abs(gamma) over the units of each layer whose normalization has one."""
    row: Row = {}
    for name, layer in subject.session.model.named_modules():
        weight = getattr(layer.norm, "weight", None) if isinstance(layer, Activated) else None
        if isinstance(weight, Tensor):
            row[gamma_of(name)] = weight.abs().mean().item()
    return Measurement(row)
