"""How long a run will take, from a handful of its steps."""

import time

import torch
from rich.console import Console

from bnrepro.config import RunConfig
from bnrepro.training.build import make_batches, make_dataset, make_model, make_step
from bnrepro.training.device import pick_device
from bnrepro.training.evaluation import Evaluator
from bnrepro.training.memory import keep_freed_memory

_WARM_UP, _TIMED = 3, 10


def estimate_seconds(config: RunConfig, console: Console) -> float:
    """Seconds of training and evaluation, by an eager step and one evaluation timed here and now.

    Reads the data and writes nothing but what preparing them writes.

    Raises:
        UserError: the data are not to be had.
    """
    torch.set_num_threads(config.runtime.threads)
    keep_freed_memory()
    device = pick_device(config.runtime.device)
    dataset = make_dataset(config, console).to(device)
    model = (
        make_model(config, dataset.input_shape, dataset.num_classes)
        .to(device)
        .to(memory_format=torch.channels_last)
        .train()
    )
    update = make_step(config, dataset, model)
    batch = make_batches(config, dataset, device)
    evaluate = Evaluator(config, dataset, device)
    lr = torch.zeros((), device=device)
    start = 0.0
    for step in range(_WARM_UP + _TIMED):
        if step == _WARM_UP:
            start = _now(device)
        update(*batch(step), lr)
    seconds_per_step = (_now(device) - start) / _TIMED
    start = _now(device)
    evaluate(model)
    seconds_per_evaluation = _now(device) - start
    evaluations = len(config.evaluation.due(config.steps))
    return config.steps * seconds_per_step + evaluations * seconds_per_evaluation


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
