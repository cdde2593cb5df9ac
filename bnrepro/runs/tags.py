"""The columns of metrics.jsonl: one vocabulary for whoever writes and whoever reads them."""

TEST_ACCURACY = "test/accuracy"
"""Fraction of held-out examples whose class was the most probable one."""
TEST_LOSS = "test/loss"
"""Mean cross-entropy on held-out data, in nats."""
TRAIN_LOSS = "train/loss"
"""Mean cross-entropy of the updates since the last row, in nats."""
LEARNING_RATE = "train/learning_rate"

TRAINING_SET_ACCURACY = "training_set/accuracy"
"""As test/accuracy, of training examples under the inference network."""
TRAINING_SET_LOSS = "training_set/loss"
"""As test/loss, of training examples under the inference network."""

PERCENTILES = (15, 50, 85)
"""Of the inputs to a nonlinearity (Figure 1(b, c))."""


def accuracy_by(statistics: str) -> str:
    """Held-out accuracy where BN normalized by population, moving, pooled, batch_2 and so on."""
    return f"test/{statistics}/accuracy"


def gamma_of(layer: str) -> str:
    """The mean size of a normalized layer's gamma."""
    return f"affine/{layer}/gamma"


def activation_input(layer: str, which: str, percentile: int) -> str:
    """A percentile of what a layer's nonlinearity receives.

    Args:
        layer: its name in the network.
        which: ``unit``: the one unit that is followed; ``all``: all units of the layer.
        percentile: of `PERCENTILES`.
    """
    return f"probe/{layer}/{which}/p{percentile}"


def gradient_norm(layer: str) -> str:
    """Euclidean norm of the training loss's gradient in a layer's weights."""
    return f"gradient/{layer}/norm"


def weight_norm(layer: str) -> str:
    """Euclidean norm of a layer's weights."""
    return f"weights/{layer}/norm"


def effective_rate(layer: str) -> str:
    """The learning rate over the squared norm of a layer's weights (van Laarhoven 2017)."""
    return f"weights/{layer}/effective_rate"


def saturation(layer: str) -> str:
    """Share of a layer's sigmoids that are saturated, over units and examples."""
    return f"saturation/{layer}"


def gradient_shift(layer: str, what: str) -> str:
    """What updating the layers below does to a layer's gradient (Santurkar et al. 2018).

    Args:
        layer: its name in the network.
        what: ``norm`` of the difference, or ``cosine`` of the angle between before and after.
    """
    return f"gradient_shift/{layer}/{what}"


def landscape(what: str) -> str:
    """What is met along a step (Santurkar et al. 2018, Figure 4).

    Args:
        what: ``loss_low``, ``loss_high``, ``gradient_low``, ``gradient_high``, ``smoothness``.
    """
    return f"landscape/{what}"


END_TO_END = "end_to_end"
"""In place of a layer's name: from the first hidden layer to the last."""


def singular_values(layer: str, what: str) -> str:
    """Of the Jacobian from the layer below.

    Args:
        layer: its name in the network, or `END_TO_END`.
        what: ``p10``, ``p50``, ``p90``, or ``near_one``: the share from 1/2 to 2.
    """
    return f"jacobian/{layer}/{what}"


def observed_layers(tags: list[str]) -> list[str]:
    """The layers whose inputs were recorded, in the network's order."""
    return list(dict.fromkeys(tag.split("/")[1] for tag in tags if tag.startswith("probe/")))
