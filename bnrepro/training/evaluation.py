"""Held-out data evaluated by the paper's inference network."""

import copy
import math
from collections.abc import Iterable, Iterator
from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnrepro.config.options.evaluation import Statistics
from bnrepro.data.batches import TrainingBatches
from bnrepro.data.dataset import Dataset, Images
from bnrepro.data.order import held_out_batches
from bnrepro.nn import estimate_population_statistics
from bnrepro.runs import Row
from bnrepro.runs.tags import TEST_ACCURACY, TEST_LOSS
from bnrepro.training.session import Session

# Images at once, and input values at once: what stays in a CPU's caches is evaluated fastest.
_EVALUATION_BATCH = 2_000
_EVALUATION_VALUES = 1_600_000


class InferenceNetworks:
    """Copies in evaluation mode that normalize by moving averages or by estimates.

    Of the network as it stands whenever one is asked for. To copy a network takes longer than to
    evaluate a small one: there is one copy for each kind of statistics, made once.

    Args:
        session: of the network in training, which stays as it is.
        batches: the training mini-batches; the estimates take the first ones.
        population_batches: how many they take.
    """

    def __init__(self, session: Session, batches: TrainingBatches, population_batches: int) -> None:
        self.session = session
        self.batches = batches
        self.population_batches = population_batches
        self._copies: dict[Statistics, nn.Module] = {}

    @torch.no_grad()
    def __call__(self, statistics: Statistics) -> nn.Module:
        """The network that normalizes by these statistics; the next call with them changes it.

        Args:
            statistics: ``moving`` averages, or which estimate (see
                `estimate_population_statistics`).
        """
        if statistics not in self._copies:
            self._copies[statistics] = copy.deepcopy(self.session.model).eval()
        network = self._copies[statistics]
        for kept, current in zip(_tensors(network), _tensors(self.session.model), strict=True):
            kept.copy_(current)
        if statistics != "moving":
            images = self.batches.first_images(self.population_batches)
            to_input = self.session.dataset.to_input
            estimate_population_statistics(network, images, statistics, to_input)
        return network


def _tensors(network: nn.Module) -> Iterator[Tensor]:
    return chain(network.parameters(), network.buffers())


@torch.no_grad()
def evaluate_network(network: nn.Module, dataset: Dataset, device: torch.device) -> Row:
    """Accuracy (fraction of correct top-1 answers) and mean cross-entropy on held-out data."""
    split = dataset.test
    size = max(1, min(_EVALUATION_BATCH, _EVALUATION_VALUES // math.prod(split.images.shape[1:])))
    batches = zip(split.images.split(size), split.labels.split(size), strict=True)
    return _evaluate(network, dataset, device, batches)


@torch.no_grad()
def evaluate_in_batches(
    network: nn.Module, dataset: Dataset, device: torch.device, size: int
) -> Row:
    """The same for a network whose answers depend on the mini-batch, in mini-batches of ``size``.

    Args:
        network: as `normalize_by_batch` makes it.
        dataset: holds at least ``size`` held-out examples.
        device: the network's.
        size: examples in a mini-batch, at least 2; see `held_out_batches`.
    """
    split = dataset.test
    parts = [part.to(split.labels.device) for part in held_out_batches(len(split), size)]
    return _evaluate(
        network, dataset, device, ((split.images[part], split.labels[part]) for part in parts)
    )


def _evaluate(
    network: nn.Module,
    dataset: Dataset,
    device: torch.device,
    batches: Iterable[tuple[Images, Tensor]],
) -> Row:
    correct = torch.zeros((), dtype=torch.int64, device=device)
    loss = torch.zeros((), device=device)
    for images, labels_N in batches:
        labels = labels_N.to(device)
        logits = network(dataset.to_input(images.to(device)))
        correct += (logits.argmax(1) == labels).sum()
        loss += functional.cross_entropy(logits, labels, reduction="sum")
    examples = len(dataset.test)
    return {
        TEST_ACCURACY: correct.item() / examples,
        TEST_LOSS: loss.item() / examples,
    }
