"""The training loop: steps, rows, evaluations and checkpoints, and how to stop and go on."""

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from bnrepro.config import RunConfig
from bnrepro.data.dataset import Dataset
from bnrepro.runs import Row
from bnrepro.training.build import make_batches
from bnrepro.training.checkpoint import Checkpoint
from bnrepro.training.compiler import Step
from bnrepro.training.evaluation import Evaluator
from bnrepro.training.histograms import HistogramRecorder
from bnrepro.training.recorder import DivergedError, Recorder
from bnrepro.training.signals import StopRequest
from bnrepro.training.step import TrainingStep


class TrainingLoop:
    """One run in progress.

    Args:
        config: the run.
        dataset: on ``device``.
        model: on ``device``, in training mode.
        update: the uncompiled step, which owns the optimizer's state.
        step_function: what is called for each update: ``update`` itself or its compiled form.
        recorder: takes the rows.
        histograms: takes what the probes see.
        device: where it all is.
    """

    def __init__(
        self,
        config: RunConfig,
        dataset: Dataset,
        model: nn.Module,
        update: TrainingStep,
        step_function: Step,
        recorder: Recorder,
        histograms: HistogramRecorder,
        device: torch.device,
    ) -> None:
        self.config = config
        self.model = model
        self.update = update
        self.step_function = step_function
        self.recorder = recorder
        self.histograms = histograms
        self.evaluation_steps = config.evaluation.due(config.steps)
        self.evaluate = Evaluator(config, dataset, device, histograms.observe)
        self.batch = make_batches(config, dataset, device)
        self.learning_rate = torch.zeros((), device=device)
        self.step = 0
        self.seconds = 0.0

    def run(
        self,
        stop: StopRequest,
        on_row: Callable[[Row], None],
        on_checkpoint: Callable[[Checkpoint], None],
        on_step: Callable[[], None],
    ) -> None:
        """Train until the last step, or until asked to stop.

        Args:
            stop: looked at after each step; a request ends the loop after a checkpoint.
            on_row: told of each row after it was written.
            on_checkpoint: saves a checkpoint.
            on_step: called after each step.

        Raises:
            DivergedError: a loss or, at the end, a parameter is not finite.
        """
        config = self.config
        started = checkpointed = time.monotonic()
        seconds_before = self.seconds
        if self.recorder.position == 0:  # a run stopped before its first update has its first row
            self._record(on_row)
        while self.step < config.steps and stop.signal is None:
            images, labels = self.batch(self.step)
            self.learning_rate.fill_(config.optim.learning_rate(self.step))
            self.recorder.observe(self.step_function(images, labels, self.learning_rate))
            self.step += 1
            if self._row_is_due():
                self._record(on_row)
            now = time.monotonic()
            self.seconds = seconds_before + now - started
            if now - checkpointed >= config.runtime.checkpoint_seconds:
                on_checkpoint(self.checkpoint())
                checkpointed = time.monotonic()
            on_step()
        if self.step == config.steps:
            self._check_parameters()
        on_checkpoint(self.checkpoint())

    def checkpoint(self) -> Checkpoint:
        """What the rest of the run depends on, as of now."""
        self.recorder.sync()
        self.histograms.sync()
        return Checkpoint(
            step=self.step,
            seconds=self.seconds,
            model=self.model.state_dict(),
            velocity=self.update.velocity,
            losses=self.recorder.losses,
            metrics_bytes=self.recorder.position,
            cpu_rng=torch.get_rng_state(),
            cuda_rng=torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to where the checkpoint was made; the recorder is made at its position."""
        self.step = checkpoint["step"]
        self.seconds = checkpoint["seconds"]
        self.model.load_state_dict(checkpoint["model"])
        for velocity, saved in zip(self.update.velocity, checkpoint["velocity"], strict=True):
            velocity.copy_(saved)
        torch.set_rng_state(checkpoint["cpu_rng"])
        if checkpoint["cuda_rng"] and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(checkpoint["cuda_rng"])

    def _evaluation_is_due(self) -> bool:
        return self.step in self.evaluation_steps

    def _row_is_due(self) -> bool:
        return self.step % self.config.record.every == 0 or self._evaluation_is_due()

    def _record(self, on_row: Callable[[Row], None]) -> None:
        row: Row = {"step": self.step}
        if self.step > 0:
            row["train/loss"] = self.recorder.mean_loss(self.step)
            row["train/learning_rate"] = self.config.optim.learning_rate(self.step - 1)
        if self._evaluation_is_due():
            row |= self.evaluate(self.model)
        for tag, value in row.items():
            if not math.isfinite(value):
                raise DivergedError(self.step, tag)
        self.recorder.write(row)
        self.histograms.write(self.step)
        on_row(row)

    def _check_parameters(self) -> None:
        tensors: list[Tensor] = [*self.model.parameters()]
        if not all(bool(tensor.isfinite().all()) for tensor in tensors):
            raise DivergedError(self.step, "a parameter")
