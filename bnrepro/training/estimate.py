"""How long a run will take, from a handful of its steps."""

import time

import torch
from rich.console import Console

from bnrepro.config import RunConfig
from bnrepro.training.evaluator import Evaluator
from bnrepro.training.session import build_session

_WARM_UP, _TIMED = 3, 10


def estimate_seconds(config: RunConfig, console: Console) -> float:
    """Seconds of training and evaluation, by an eager step and one evaluation timed here and now.

    Reads the data and writes nothing but what preparing them writes.

    Raises:
        UserError: the data are not available.
    """
    session = build_session(config, console)
    device, batch, evaluate = session.device, session.batches(), Evaluator(session)
    lr = torch.zeros((), device=device)
    start = 0.0
    for step in range(_WARM_UP + _TIMED):
        if step == _WARM_UP:
            start = _now(device)
        session.update(*batch(step), lr)
    seconds_per_step = (_now(device) - start) / _TIMED
    start = _now(device)
    evaluate(step=0)
    seconds_per_evaluation = _now(device) - start
    evaluations = len(config.evaluation.due(config.steps))
    return config.steps * seconds_per_step + evaluations * seconds_per_evaluation


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
