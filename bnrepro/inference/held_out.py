"""What a trained run predicts on its held-out data."""

import copy
from typing import Literal

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn

from bnrepro.data.order import epoch_order
from bnrepro.inference.crops import views
from bnrepro.inference.trained import TrainedRun
from bnrepro.nn import estimate_population_statistics, normalize_by_batch
from bnrepro.predictions import Predictions
from bnrepro.training.build import make_batches

Statistics = Literal["population", "moving", "batch"]


@torch.inference_mode()
def predict_held_out(
    run: TrainedRun,
    statistics: Statistics,
    population_batches: int,
    crops: int,
    batch_size: int,
    console: Console,
) -> Predictions:
    """Class probabilities of every held-out example, averaged over the crops of its image.

    Args:
        run: the trained run.
        statistics: what batch normalization uses; ``batch``: those of the mini-batch at hand.
        population_batches: training mini-batches that Algorithm 2 averages over.
        crops: 1, 10 or 144.
        batch_size: images at once; ``batch`` needs 2 or more.
        console: progress.
    """
    network = network_with(run, statistics, population_batches)
    # A single example has no statistics of its own.
    fewest = 2 if statistics == "batch" else 1
    return predict_with(run, network, crops, batch_size, console, fewest)


@torch.inference_mode()
def predict_with(
    run: TrainedRun,
    network: nn.Module,
    crops: int,
    batch_size: int,
    console: Console,
    fewest: int = 1,
) -> Predictions:
    """`predict_held_out` by a network that is given.

    Args:
        run: where the held-out data come from.
        network: on the run's device.
        crops: 1, 10 or 144.
        batch_size: images at once.
        console: progress.
        fewest: images at once; fewer that are left over join the batch before.
    """
    split = run.stored_test
    _, size, _ = run.dataset.input_shape
    # Some sets are sorted by class: in that order a mini-batch's own statistics would be a class's.
    order_N = epoch_order(len(split), seed=0, epoch=0)
    last = len(split) - fewest + 1
    parts = order_N.tensor_split([*range(batch_size, last, batch_size)])
    probabilities_NK = torch.zeros(len(split), run.dataset.num_classes, dtype=torch.float64)
    quiet = not console.is_terminal
    for part in track(parts, "evaluating", console=console, transient=True, disable=quiet):
        images_NCHW = split.images[part].to(run.device)
        probabilities_NK[part] = _mean_over_crops(run, network, images_NCHW, size, crops).cpu()
    return Predictions(
        probabilities_NK.float().numpy(), split.labels.cpu().numpy().astype(np.int64)
    )


def network_with(run: TrainedRun, statistics: Statistics, population_batches: int) -> nn.Module:
    """The run's network with the statistics that it is to normalize by.

    Args:
        run: the trained run; its own network stays as it is.
        statistics: what batch normalization uses.
        population_batches: training mini-batches that Algorithm 2 averages over.
    """
    match statistics:
        case "moving":
            return run.network
        case "batch":
            return normalize_by_batch(run.network)
        case "population":
            batches = make_batches(run.config, run.dataset, run.device)
            inputs = (run.dataset.to_input(batches(step)[0]) for step in range(population_batches))
            network = copy.deepcopy(run.network)
            estimate_population_statistics(network, inputs)
            return network


def _mean_over_crops(
    run: TrainedRun, network: nn.Module, images_NCHW: Tensor, size: int, crops: int
) -> Tensor:
    """(N, classes), float64."""
    total_NK = torch.zeros(
        len(images_NCHW), run.dataset.num_classes, dtype=torch.float64, device=run.device
    )
    for times, view_NCSS in views(images_NCHW, size, crops):
        logits_NK = network(run.dataset.to_input(view_NCSS))
        total_NK += times * logits_NK.double().softmax(1)
    return total_NK / crops
