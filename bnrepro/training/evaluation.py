"""Evaluation on held-out data by the paper's inference network."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnrepro.config import RunConfig
from bnrepro.data.dataset import Dataset
from bnrepro.nn import estimate_population_statistics
from bnrepro.run_directory import Row
from bnrepro.training.build import make_batches
from bnrepro.training.probes import observe_activation_inputs

# Images at once, and input values at once: what stays in a CPU's caches is evaluated fastest.
_EVALUATION_BATCH = 2_000
_EVALUATION_VALUES = 1_600_000


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
        """``test/accuracy``, ``test/loss`` and the probes' percentiles."""
        network = copy.deepcopy(model).eval()
        if self.config.evaluation.statistics == "population":
            inputs = (
                self.dataset.to_input(self.batches(step)[0])
                for step in range(self.population_batches)
            )
            estimate_population_statistics(network, inputs)
        row = measure(network, self.dataset, self.device)
        if self.config.probe.enabled:
            examples = self.dataset.test.images[: self.config.probe.examples]
            inputs_NCHW = self.dataset.to_input(examples.to(self.device))
            row |= observe_activation_inputs(
                network, inputs_NCHW, self.config.probe.unit, self.on_inputs
            )
        return row


@torch.no_grad()
def measure(network: nn.Module, dataset: Dataset, device: torch.device) -> Row:
    """Accuracy (fraction of correct top-1 answers) and mean cross-entropy on held-out data."""
    split = dataset.test
    correct = torch.zeros((), dtype=torch.int64, device=device)
    loss = torch.zeros((), device=device)
    size = max(1, min(_EVALUATION_BATCH, _EVALUATION_VALUES // split.images[0].numel()))
    for images, labels_N in zip(split.images.split(size), split.labels.split(size), strict=True):
        labels = labels_N.to(device)
        logits = network(dataset.to_input(images.to(device)))
        correct += (logits.argmax(1) == labels).sum()
        loss += functional.cross_entropy(logits, labels, reduction="sum")
    return {
        "test/accuracy": correct.item() / len(split),
        "test/loss": loss.item() / len(split),
    }
