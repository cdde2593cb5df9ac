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


def observed_layers(tags: list[str]) -> list[str]:
    """The layers whose inputs were recorded, in the network's order."""
    return list(dict.fromkeys(tag.split("/")[1] for tag in tags if tag.startswith("probe/")))
