"""How far loss and gradient change along a step (Santurkar et al. 2018, Figure 4)."""

import torch
from torch import Tensor

from bnrepro.runs import tags
from bnrepro.training.measurement import Measurement, Subject, finite
from bnrepro.training.training_loss import Parameters

_RATES = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0)


def landscape(subject: Subject) -> Measurement:
    """What is met along the gradient of the next mini-batch's loss, at 1/2 to 4 learning rates.

    ``landscape/loss_low`` and ``loss_high``: the range of the loss; ``gradient_low`` and
    ``gradient_high``: of the distance between the gradient there and here; ``smoothness``: the
    largest of these distances over the way that was gone, the "effective" beta-smoothness
    (Santurkar et al. 2018, arXiv 1805.11604, Section 3.1 and Figure 4).
    """
    loss = subject.training_loss
    _, gradient = loss.at(loss.parameters)
    ways = [rate * subject.learning_rate for rate in _RATES]
    losses, distances = [], []
    for way in ways:
        loss_there, gradient_there = loss.at(loss.after_step(gradient, way))
        losses.append(float(loss_there))
        distances.append(float((_flatten(gradient) - _flatten(gradient_there)).norm()))
    slope = float(_flatten(gradient).norm())
    row = {
        "loss_low": min(losses),
        "loss_high": max(losses),
        "gradient_low": min(distances),
        "gradient_high": max(distances),
    }
    if subject.learning_rate and slope:
        row["smoothness"] = max(
            distance / (way * slope) for way, distance in zip(ways, distances, strict=True)
        )
    return Measurement(finite({tags.landscape(what): value for what, value in row.items()}))


def _flatten(values: Parameters) -> Tensor:
    return torch.cat([value.flatten() for value in values.values()])
