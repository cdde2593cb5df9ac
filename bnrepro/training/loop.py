"""The training loop: steps, rows, evaluations and checkpoints, and how to stop and go on."""

import math
import time
from collections.abc import Callable, Sequence
from signal import Signals

import torch
from torch import Tensor

from bnrepro.runs import Row
from bnrepro.runs.tags import LEARNING_RATE, TRAIN_LOSS
from bnrepro.signals import StopRequest
from bnrepro.training.checkpoint import Checkpoint, TrainingState
from bnrepro.training.evaluator import Evaluator
from bnrepro.training.losses import DivergedError, LossMean
from bnrepro.training.measurement import Measurement
from bnrepro.training.observers import Observer
from bnrepro.training.processes import Processes, ProcessLostError
from bnrepro.training.session import Session

Update = Callable[[int, Tensor], Tensor]


class TrainingLoop:
    """One run in progress.

    Args:
        session: what it computes with.
        update: called for each update with its number, from 0, and the learning rate; returns the
            mini-batch's mean loss.
        observers: told of rows and checkpoints, in this order.
        checkpoint: where to go on; None: at the start.
        processes: that train the run together; the first one evaluates.
    """

    def __init__(
        self,
        session: Session,
        update: Update,
        observers: Sequence[Observer],
        checkpoint: Checkpoint | None,
        processes: Processes,
    ) -> None:
        self.session = session
        self.config = session.config
        self.update = update
        self.observers = observers
        self.processes = processes
        self.evaluation_steps = self.config.evaluation.due(self.config.steps)
        self.evaluate = Evaluator(session)
        self.learning_rate = torch.zeros((), device=session.device)
        self._rate = 0.0  # that it holds
        self.loss = LossMean(checkpoint["losses"] if checkpoint else torch.zeros(0))
        self.step = 0
        self.seconds = 0.0
        self._has_first_row = checkpoint is not None
        if checkpoint:
            self._restore(checkpoint)

    def run(self, stop: StopRequest) -> Signals | None:
        """Train until the last step, or until asked to stop; ends with a checkpoint.

        Args:
            stop: looked at after each step.

        Returns:
            The signal that one of the processes was asked to stop by; None: the last step is done.

        Raises:
            DivergedError: a loss or, at the end, a parameter is not finite.
            ProcessLostError: another process has ended.
        """
        try:
            return self._run(stop)
        except ProcessLostError as error:
            error.signal = stop.signal
            raise

    def _run(self, stop: StopRequest) -> Signals | None:
        config = self.config
        before = checkpointed = time.monotonic()
        if not self._has_first_row:
            self._record()
        signal = None
        while self.step < config.steps:
            signal = self.processes.agree(stop.signal)
            if signal is not None:
                break
            rate = config.learning_rate(self.step)
            if rate != self._rate:
                self.learning_rate.fill_(rate)
                self._rate = rate
            self.loss.add(self.update(self.step, self.learning_rate))
            self.step += 1
            if self._row_is_due():
                self._record()
            now = time.monotonic()
            if stop.was_paused:  # for how long, nobody knows: the step counts as no time
                stop.was_paused = False
            else:
                self.seconds += now - before
            before = now
            if now - checkpointed >= config.runtime.checkpoint_seconds:
                self._checkpoint()
                checkpointed = time.monotonic()
        if self.step == config.steps:
            self._check_parameters()
        self._checkpoint()
        return signal

    def _checkpoint(self) -> None:
        state = TrainingState(
            step=self.step,
            seconds=self.seconds,
            model=self.session.model.state_dict(),
            velocity=self.session.update.optimizer.state,
            losses=self.loss.losses,
            cpu_rng=torch.get_rng_state(),
            # Draws in groups follow from the seed, whichever GPU they are for.
            cuda_rng=[]
            if self.config.groups > 1 or not torch.cuda.is_available()
            else torch.cuda.get_rng_state_all(),
        )
        for observer in self.observers:
            observer.on_checkpoint(state)

    def _restore(self, checkpoint: Checkpoint) -> None:
        self.step = checkpoint["step"]
        self.seconds = checkpoint["seconds"]
        self.session.model.load_state_dict(checkpoint["model"])
        states = zip(self.session.update.optimizer.state, checkpoint["velocity"], strict=True)
        for state, saved in states:
            state.copy_(saved)
        torch.set_rng_state(checkpoint["cpu_rng"])
        if checkpoint["cuda_rng"] and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(checkpoint["cuda_rng"])

    def _evaluation_is_due(self) -> bool:
        return self.step in self.evaluation_steps

    def _row_is_due(self) -> bool:
        return self.step % self.config.record.every == 0 or self._evaluation_is_due()

    def _record(self) -> None:
        row: Row = {"step": self.step}
        if self.step > 0:
            row[TRAIN_LOSS] = self.loss.take(self.step)
            row[LEARNING_RATE] = self.config.learning_rate(self.step - 1)
        measurement = Measurement({})
        if self._evaluation_is_due():
            evaluated = self.evaluate(self.step) if self.processes.is_first else measurement
            measurement = self.processes.share(evaluated)
        row |= measurement.row
        for tag, value in row.items():
            if not math.isfinite(value):
                raise DivergedError(self.step, tag)
        for observer in self.observers:
            observer.on_row(Measurement(row, measurement.histograms))

    def _check_parameters(self) -> None:
        if not all(bool(tensor.isfinite().all()) for tensor in self.session.model.parameters()):
            raise DivergedError(self.step, "a parameter")
