"""The evaluation of a network in training: accuracy, loss, and the measures of the config."""

import torch

from bnrepro.runs import Histogram
from bnrepro.training.measurement import Measurement, Subject
from bnrepro.training.measures import MEASURES
from bnrepro.training.session import Session


class Evaluator:
    """Turns the network in training into its inference network and measures it.

    Works on copies: the network in training keeps its parameters, moving averages and mode.

    Args:
        session: the run's.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.batches = session.population_batches()
        chosen = session.config.measures
        self.measures = [measure for name, measure in MEASURES.items() if name in chosen]

    @torch.no_grad()
    def __call__(self, step: int) -> Measurement:
        """``test/accuracy``, ``test/loss`` and what the measures record.

        Args:
            step: updates done.
        """
        subject = Subject(self.session, self.batches, step)
        row = dict(subject.accuracy_and_loss)
        histograms: list[Histogram] = []
        for measure in self.measures:
            measurement = measure(subject)
            row |= measurement.row
            histograms += measurement.histograms
        return Measurement(row, tuple(histograms))
