"""How large the gradient is in each layer."""

from bnrepro.runs.tags import gradient_norm
from bnrepro.training.measurement import Measurement, Subject


def gradient_norms(subject: Subject) -> Measurement:
    """``gradient/<layer>/norm``: of the next mini-batch's loss, in the weights of each layer."""
    loss = subject.training_loss
    _, gradient = loss.at(loss.parameters)
    return Measurement(
        {gradient_norm(layer): float(gradient[name].norm()) for layer, name in loss.layers.items()}
    )
