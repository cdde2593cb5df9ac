"""Evaluation on held-out data by the paper's inference network."""

import copy
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnrepro.config import RunConfig
from bnrepro.config.schema import Statistics
from bnrepro.data.batches import TrainingBatches
from bnrepro.data.dataset import Dataset
from bnrepro.data.order import epoch_order
from bnrepro.nn import estimate_population_statistics, normalize_by_batch
from bnrepro.runs import Row
from bnrepro.training.build import make_batches
from bnrepro.training.probes import observe_activation_inputs

# Images at once, and input values at once: what stays in a CPU's caches is evaluated fastest.
_EVALUATION_BATCH = 2_000
_EVALUATION_VALUES = 1_600_000

# Examples in the held-out mini-batches that `evaluation.compare` normalizes by.
_COMPARED_BATCHES = (2, 4, 8, 16, 32, 64, 128, 256)


class Evaluator:
    """Turns the network in training into its inference network and measures it.

    Works on a copy: the network in training keeps its parameters, moving averages and mode.

    Args:
        config: the run.
        dataset: on the device, or mapped.
        device: the model's.
        on_inputs: told of what each probed nonlinearity receives: layer and values.
    """

    def __init__(
        self,
        config: RunConfig,
        dataset: Dataset,
        device: torch.device,
        on_inputs: Callable[[str, Tensor], None] = lambda _layer, _inputs: None,
    ) -> None:
        self.config = config
        self.dataset = dataset
        self.device = device
        self.on_inputs = on_inputs
        self.batches = make_batches(config, dataset, device)
        # Algorithm 2's mini-batches, the same at every evaluation; each once at the most.
        self.population_batches = min(config.evaluation.population_batches, len(self.batches))

    @torch.no_grad()
    def __call__(self, model: nn.Module) -> Row:
        """``test/accuracy``, ``test/loss`` and the probes' percentiles.

        If they are compared, ``test/<statistics>/accuracy`` and ``/loss`` as well, for population,
        moving, and batch_2, batch_4 and so on up to what the held-out set can fill.
        """
        evaluation = self.config.evaluation
        network = self._inference_network(model, evaluation.statistics)
        row = measure(network, self.dataset, self.device)
        if evaluation.compare:
            row |= self._compare(model, evaluation.statistics, row)
        if self.config.probe.enabled:
            examples = self.dataset.test.images[: self.config.probe.examples]
            inputs_NCHW = self.dataset.to_input(examples.to(self.device))
            row |= observe_activation_inputs(
                network, inputs_NCHW, self.config.probe.unit, self.on_inputs
            )
        return row

    def _inference_network(self, model: nn.Module, statistics: Statistics) -> nn.Module:
        return inference_network(
            model, statistics, self.dataset, self.batches, self.population_batches
        )

    def _compare(self, model: nn.Module, chosen: Statistics, measured: Row) -> Row:
        """Every way to normalize at evaluation; the chosen one has been measured."""
        other: Statistics = "moving" if chosen == "population" else "population"
        network = self._inference_network(model, other)
        rows: dict[str, Row] = {
            chosen: measured,
            other: measure(network, self.dataset, self.device),
        }
        network = normalize_by_batch(model)
        for size in _COMPARED_BATCHES:
            if size <= len(self.dataset.test):
                rows[f"batch_{size}"] = measure_in_batches(network, self.dataset, self.device, size)
        return {
            tag.replace("test/", f"test/{name}/"): value
            for name, row in rows.items()
            for tag, value in row.items()
        }


@torch.no_grad()
def inference_network(
    model: nn.Module,
    statistics: Statistics,
    dataset: Dataset,
    batches: TrainingBatches,
    population_batches: int,
) -> nn.Module:
    """A copy in evaluation mode that normalizes by moving averages or by Algorithm 2's estimates.

    Args:
        model: stays as it is.
        statistics: which of the two.
        dataset: on the model's device, or mapped.
        batches: the training mini-batches; Algorithm 2 takes the first ones.
        population_batches: how many it takes.
    """
    network = copy.deepcopy(model).eval()
    if statistics == "population":
        inputs = (dataset.to_input(batches(step)[0]) for step in range(population_batches))
        estimate_population_statistics(network, inputs)
    return network


@torch.no_grad()
def measure(network: nn.Module, dataset: Dataset, device: torch.device) -> Row:
    """Accuracy (fraction of correct top-1 answers) and mean cross-entropy on held-out data."""
    split = dataset.test
    size = max(1, min(_EVALUATION_BATCH, _EVALUATION_VALUES // split.images[0].numel()))
    batches = zip(split.images.split(size), split.labels.split(size), strict=True)
    return _measure(network, dataset, device, batches)


@torch.no_grad()
def measure_in_batches(
    network: nn.Module, dataset: Dataset, device: torch.device, size: int
) -> Row:
    """The same for a network whose answers depend on the mini-batch, in mini-batches of ``size``.

    Args:
        network: as `normalize_by_batch` makes it.
        dataset: holds at least ``size`` held-out examples.
        device: the network's.
        size: examples in a mini-batch, at least 2. What is left over is a smaller one; a single
            example, which has no variance, joins the one before.
    """
    split = dataset.test
    # Some sets are sorted by class, Tiny-ImageNet's held-out images among them: in that order a
    # mini-batch would hold one class, and its statistics would be that class's. The same shuffle
    # for every run, so that runs are compared on the same mini-batches.
    order = epoch_order(len(split), seed=0, epoch=0).to(split.labels.device)
    starts = [*range(size, len(split) - 1, size)]
    parts = order.tensor_split(starts)
    return _measure(
        network, dataset, device, ((split.images[part], split.labels[part]) for part in parts)
    )


def _measure(
    network: nn.Module,
    dataset: Dataset,
    device: torch.device,
    batches: Iterable[tuple[Tensor, Tensor]],
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
        "test/accuracy": correct.item() / examples,
        "test/loss": loss.item() / examples,
    }
