"""How long a run will take, and on how many GPUs, from a handful of its steps."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from rich.console import Console

from bnrepro.config import RunConfig
from bnrepro.config.options.data import Mnist
from bnrepro.data.dataset import Dataset, Split
from bnrepro.errors import UserError
from bnrepro.training.evaluator import Evaluator
from bnrepro.training.session import Session, build_session

_WARM_UP, _TIMED = 3, 10
_IMAGENET_CLASSES = 1_000


@dataclass(frozen=True)
class Estimate:
    """What a run takes, by an eager step and one evaluation timed here and now.

    Attributes:
        config: the run.
        step_seconds: forward, backward and update of one mini-batch.
        data_seconds: reading and augmenting one; None: the data are not here.
        evaluation_seconds: of one evaluation; 0 where the data are not here.
        is_read_ahead: data are read while the device computes.
        gpus: devices that share the groups of a step.
    """

    config: RunConfig
    step_seconds: float
    data_seconds: float | None
    evaluation_seconds: float
    is_read_ahead: bool
    gpus: int = 1

    def on(self, gpus: int) -> "Estimate":
        """The same with as many of these GPUs as divide the groups; gathering is not counted."""
        groups = self.config.groups
        usable = max(n for n in range(1, min(gpus, groups) + 1) if groups % n == 0)
        return replace(self, gpus=usable)

    @property
    def seconds(self) -> float:
        """Of the whole run."""
        batches = self.config.steps * self.config.groups / self.gpus
        evaluations = len(self.config.evaluation.due(self.config.steps))
        batch_seconds = self.step_seconds + self._wait_seconds
        return batches * batch_seconds + evaluations * self.evaluation_seconds

    @property
    def data_share(self) -> float | None:
        """The part of a step's time that goes by with waiting for data; None: not known."""
        if self.data_seconds is None:
            return None
        return self._wait_seconds / (self.step_seconds + self._wait_seconds)

    @property
    def _wait_seconds(self) -> float:
        data = self.data_seconds or 0.0
        return max(0.0, data - self.step_seconds) if self.is_read_ahead else data


def estimate(config: RunConfig, console: Console) -> Estimate:
    """Time a run; by random images of its size where its data are not here.

    Writes nothing but what preparing the data writes.

    Args:
        config: the run.
        console: progress, where images have to be decoded first.
    """
    try:
        session = build_session(config, console)
    except UserError:
        session = build_session(config, console, stored=_random_images(config))
        return Estimate(config, _time_step(session), None, 0.0, is_read_ahead=False)
    batches, evaluate = session.batches(), Evaluator(session)
    data_seconds = _mean_seconds(session.device, batches)
    step_seconds = _time_step(session)
    start = _now(session.device)
    evaluate(step=0)
    evaluation_seconds = _now(session.device) - start
    is_read_ahead = session.dataset.train.is_mapped
    return Estimate(config, step_seconds, data_seconds, evaluation_seconds, is_read_ahead)


def estimate_seconds(config: RunConfig, console: Console) -> float:
    """Seconds of training and evaluation on this device.

    Raises:
        UserError: the data are not available.
    """
    timed = estimate(config, console)
    if timed.data_seconds is None:
        build_session(config, console)  # says what is missing
    return timed.seconds


def _random_images(config: RunConfig) -> Dataset:
    """As many as a mini-batch holds, of the size that the network receives."""
    size, classes = config.input_size, config.data.classes or _IMAGENET_CLASSES
    channels = 1 if isinstance(config.data, Mnist) else 3
    images_NCHW = torch.randint(256, (config.batch_size, channels, size, size), dtype=torch.uint8)
    split = Split(images_NCHW, torch.randint(classes, (config.batch_size,)))
    return Dataset(split, split, tuple(map(str, range(classes))))


def _time_step(session: Session) -> float:
    batch = session.batches()(0)
    lr = torch.zeros((), device=session.device)
    return _mean_seconds(session.device, lambda _: session.update(*batch, lr))


def _mean_seconds(device: torch.device, work: Callable[[int], object]) -> float:
    start = 0.0
    for number in range(_WARM_UP + _TIMED):
        if number == _WARM_UP:
            start = _now(device)
        work(number)
    return (_now(device) - start) / _TIMED


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
