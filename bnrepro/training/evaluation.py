"""Evaluation on held-out data by the paper's inference network."""

import copy

import torch
from torch import nn
from torch.nn import functional

from bnrepro.config import RunConfig
from bnrepro.data import BatchOrder, Dataset, Split
from bnrepro.nn import estimate_population_statistics
from bnrepro.run_directory import Row
from bnrepro.training.probes import observe_activation_inputs

_EVALUATION_BATCH = 2_000


class Evaluator:
    """Turns the network in training into its inference network and measures it.

    Works on a copy: the network in training keeps its parameters, moving averages and mode.

    Args:
        config: the run.
        dataset: on the model's device.
    """

    def __init__(self, config: RunConfig, dataset: Dataset) -> None:
        self.config = config
        self.dataset = dataset
        order = BatchOrder(
            len(dataset.train), config.batch_size, config.seed, dataset.train.labels.device
        )
        # Algorithm 2's mini-batches, the same at every evaluation; each once at the most.
        count = min(config.evaluation.population_batches, order.batches_per_epoch)
        self.population_batches = [order.batch(i) for i in range(count)]

    @torch.no_grad()
    def __call__(self, model: nn.Module) -> Row:
        """``test/accuracy``, ``test/loss`` and the probes' percentiles."""
        network = copy.deepcopy(model).eval()
        if self.config.evaluation.statistics == "population":
            images = self.dataset.train.images
            estimate_population_statistics(
                network, (images[batch].float() for batch in self.population_batches)
            )
        row = measure(network, self.dataset.test)
        examples = self.dataset.test.images[: self.config.probe.examples]
        return row | observe_activation_inputs(network, examples, self.config.probe.unit)


@torch.no_grad()
def measure(network: nn.Module, split: Split) -> Row:
    """Accuracy (fraction of correct top-1 answers) and mean cross-entropy over a split."""
    correct = torch.zeros((), dtype=torch.int64, device=split.labels.device)
    loss = torch.zeros((), device=split.labels.device)
    for images, labels in zip(
        split.images.split(_EVALUATION_BATCH), split.labels.split(_EVALUATION_BATCH), strict=True
    ):
        logits = network(images.float())
        correct += (logits.argmax(1) == labels).sum()
        loss += functional.cross_entropy(logits, labels, reduction="sum")
    return {
        "test/accuracy": correct.item() / len(split),
        "test/loss": loss.item() / len(split),
    }
