"""The evaluation of a network in training: accuracy, loss, and the measures of the config."""

import torch

from bnrepro.runs import Histogram
from bnrepro.training.evaluation import InferenceNetworks
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
        # The same mini-batches at every evaluation; each once at the most.
        count = min(session.config.evaluation.population_batches, len(self.batches))
        self.networks = InferenceNetworks(session, self.batches, count)
        chosen = session.config.measures
        self.measures = [measure for name, measure in MEASURES.items() if name in chosen]

    @torch.no_grad()
    def __call__(self, step: int) -> Measurement:
        """``test/accuracy``, ``test/loss`` and what the measures record.

        Args:
            step: updates done.
        """
        subject = self.subject(step)
        row = dict(subject.accuracy_and_loss)
        histograms: list[Histogram] = []
        for measure in self.measures:
            measurement = measure(subject)
            row |= measurement.row
            histograms += measurement.histograms
        return Measurement(row, tuple(histograms))

    def subject(self, step: int) -> Subject:
        """What measures see after so many updates."""
        return Subject(self.session, self.batches, self.networks, step)
