"""How large each layer's weights are, and the learning rate beside them."""

from bnrepro.runs.tags import effective_rate, weight_norm
from bnrepro.training.measurement import Measurement, Subject


def weight_norms(subject: Subject) -> Measurement:
    """``weights/<layer>/norm``, and ``/effective_rate``: the learning rate over its square.

    Behind BN the scale of the weights does not matter (Section 3.3), and what a step changes is
    their direction: by the effective rate (van Laarhoven 2017, arXiv 1706.05350).
    """
    loss = subject.training_loss
    norms = {layer: float(loss.parameters[name].norm()) for layer, name in loss.layers.items()}
    rates = {layer: subject.learning_rate / norm**2 for layer, norm in norms.items() if norm}
    return Measurement(
        {weight_norm(layer): norm for layer, norm in norms.items()}
        | {effective_rate(layer): rate for layer, rate in rates.items()}
    )
