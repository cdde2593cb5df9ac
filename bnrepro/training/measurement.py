"""What is recorded at an evaluation, and what it is computed from."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from torch import Tensor, nn

from bnrepro.data.batches import TrainingBatches
from bnrepro.runs import Histogram, Row
from bnrepro.training.evaluation import InferenceNetworks, evaluate_network
from bnrepro.training.session import Session
from bnrepro.training.training_loss import TrainingLoss


class Measurement(NamedTuple):
    """What was measured at one step.

    Attributes:
        row: numbers by their tags, for metrics.jsonl.
        histograms: for histograms.jsonl.
    """

    row: Row
    histograms: tuple[Histogram, ...] = ()


@dataclass(frozen=True)
class Subject:
    """A network in training at one step, as a measure sees it.

    Attributes:
        session: config, data and the network, which a measure leaves as it is.
        batches: the training mini-batches.
        network_with: gives the inference network that normalizes by other statistics; a measure
            leaves it as it is, too.
        step: updates done.
    """

    session: Session
    batches: TrainingBatches
    network_with: InferenceNetworks
    step: int

    @cached_property
    def network(self) -> nn.Module:
        """The inference network, with the statistics that the config chose."""
        return self.network_with(self.session.config.evaluation.statistics)

    @cached_property
    def accuracy_and_loss(self) -> Row:
        """``test/accuracy`` and ``test/loss`` of `network`."""
        return evaluate_network(self.network, self.session.dataset, self.session.device)

    @cached_property
    def probe_inputs(self) -> Tensor:
        """Held-out examples, (N, C, H, W), on which inputs to nonlinearities are observed."""
        dataset = self.session.dataset
        examples_NCHW = dataset.test.images[: self.session.config.probe.examples]
        return dataset.to_input(examples_NCHW.to(self.session.device))

    @cached_property
    def training_loss(self) -> TrainingLoss:
        """Of the first mini-batch that the next update trains on: each group has its own."""
        return TrainingLoss(self.session, *self.batches(self.step * self.session.config.groups))

    @property
    def learning_rate(self) -> float:
        """Of the next update."""
        return self.session.config.learning_rate(self.step)


def finite(row: Row) -> Row:
    """What of a row is finite: elsewhere than where a run is, a loss may well be infinite."""
    return {tag: value for tag, value in row.items() if math.isfinite(value)}
