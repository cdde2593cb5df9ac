"""How well the network knows what it was trained on."""

from dataclasses import replace

from bnrepro.runs.tags import (
    TEST_ACCURACY,
    TEST_LOSS,
    TRAINING_SET_ACCURACY,
    TRAINING_SET_LOSS,
)
from bnrepro.training.evaluation import evaluate_network
from bnrepro.training.measurement import Measurement, Subject

_EXAMPLES = 10_000  # as many as MNIST holds out


def training_set(subject: Subject) -> Measurement:
    """Accuracy and loss of the inference network on the first training examples, as they are."""
    dataset, device = subject.session.dataset, subject.session.device
    size = dataset.input_shape[-1]
    seen = replace(dataset, test=dataset.train.first(_EXAMPLES).crop(size))
    row = evaluate_network(subject.network, seen, device)
    tags = {TEST_ACCURACY: TRAINING_SET_ACCURACY, TEST_LOSS: TRAINING_SET_LOSS}
    return Measurement({tags[tag]: value for tag, value in row.items()})
