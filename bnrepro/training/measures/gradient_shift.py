"""Internal covariate shift as Santurkar et al. define it: a layer's gradient before and after."""

from bnrepro.runs import Row, tags
from bnrepro.training.measurement import Measurement, Subject, finite


def gradient_shift(subject: Subject) -> Measurement:
    """How the gradient in each layer's weights changes when the layers below are updated first.

    ``gradient_shift/<layer>/norm``: of the difference; ``/cosine``: of the angle between the two
    (Santurkar et al. 2018, arXiv 1805.11604, Definition 2.1 and Figure 3), for the next
    mini-batch's loss. The update is one of plain gradient descent at the run's rate: the run's own,
    unless its optimizer remembers. Below the first layer is nothing: its gradient stays.
    """
    loss = subject.training_loss
    _, gradient = loss.at(loss.parameters)
    updated = loss.after_step(gradient, subject.learning_rate)
    names = list(loss.parameters)
    row: Row = {}
    for layer, name in loss.layers.items():
        below = {other: updated[other] for other in names[: names.index(name)]}
        _, shifted = loss.at(loss.parameters | below)
        before, after = gradient[name].flatten(), shifted[name].flatten()
        cosine = before @ after / (before.norm() * after.norm())
        row[tags.gradient_shift(layer, "norm")] = float((before - after).norm())
        row[tags.gradient_shift(layer, "cosine")] = float(cosine)
    return Measurement(finite(row))
