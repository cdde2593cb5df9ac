"""What a trained run predicts on its held-out data."""

from typing import Literal

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn

from bnrepro.data.order import held_out_batches
from bnrepro.inference.crops import views
from bnrepro.inference.trained import TrainedRun
from bnrepro.nn import normalize_by_batch
from bnrepro.runs.predictions import Predictions
from bnrepro.training.evaluation import InferenceNetworks

Statistics = Literal["population", "pooled", "moving", "batch"]


@torch.inference_mode()
def predict_held_out(
    run: TrainedRun, network: nn.Module, crops: int, batch_size: int, console: Console
) -> Predictions:
    """Class probabilities of every held-out example, averaged over the crops of its image.

    Args:
        run: the trained run: its data.
        network: the run's, as `network_with` gives it.
        crops: 1, 10 or 144.
        batch_size: images at once.
        console: progress.
    """
    split = run.stored_test
    _, size, _ = run.dataset.input_shape
    parts = held_out_batches(len(split), batch_size)
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
        population_batches: training mini-batches that Algorithm 2 or pooled statistics take.
    """
    if statistics == "batch":
        return normalize_by_batch(run.model)
    return InferenceNetworks(run, run.population_batches(), population_batches)(statistics)


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
