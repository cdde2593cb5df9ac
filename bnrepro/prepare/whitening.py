"""Section 2: a normalization that the optimizer does not know of, and what whitening costs."""

from time import process_time

import pandas as pd
import torch
from torch import Tensor, nn

from bnrepro.nn import Normalization, batch_norm, no_norm, whitening

IGNORES, KNOWS = "gradient ignores the mean", "gradient knows of the mean"

_EXAMPLES, _RATE, _UPDATES = 60, 0.1, 1_000
_COST_BATCH = 1_000  # more than the widest layer has units
_LAYERS = 3


def follow_bias() -> pd.DataFrame:
    """Section 2's example: a layer x = u + b minus its mean over the training set, trained on b.

    The loss is half the mean square of (x - E[x]) minus a target whose mean is not 0, so that its
    gradient in the normalized output has a mean, too. Updates add -rate dl/dx to b, and either
    ignore that E[x] depends on b or not. Double precision.

    Returns:
        A row a way, a seed and a tenth of the updates: update, bias,
        loss, and output_change: the largest change of an output since the start.
    """
    rows = []
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        u_N = torch.randn(_EXAMPLES, generator=generator, dtype=torch.float64)
        target_N = 1 + torch.randn(_EXAMPLES, generator=generator, dtype=torch.float64)
        for way in (IGNORES, KNOWS):
            rows += _train_bias(u_N, target_N, way, seed)
    return pd.DataFrame(rows)


def _train_bias(u_N: Tensor, target_N: Tensor, way: str, seed: int) -> list[dict[str, object]]:
    wanted = {*range(0, _UPDATES, _UPDATES // 10), _UPDATES}
    b = torch.zeros((), dtype=torch.float64, requires_grad=True)
    start_N = u_N - u_N.mean()
    rows: list[dict[str, object]] = []
    for update in range(_UPDATES + 1):
        x_N = u_N + b
        mean = x_N.mean()
        output_N = x_N - (mean if way == KNOWS else mean.detach())
        loss = (output_N - target_N).square().mean() / 2
        if update in wanted:
            rows.append(
                {
                    "way": way,
                    "seed": seed,
                    "update": update,
                    "bias": b.item(),
                    "loss": loss.item(),
                    "output_change": (output_N.detach() - start_N).abs().max().item(),
                }
            )
        (gradient,) = torch.autograd.grad(loss, b)
        with torch.no_grad():
            b -= _RATE * gradient
    return rows


def time_steps(widths: list[int], repetitions: int) -> pd.DataFrame:
    """What a forward and backward pass costs: three layers of a width, 1,000 examples, one thread.

    Args:
        widths: of the layers.
        repetitions: measured apart, after one that is not counted; ``seed`` numbers them.

    Returns:
        A row a normalization, a width and a repetition: seconds of processor time.
    """
    norms = {"nothing": no_norm(), "BN": batch_norm(), "whitening": whitening()}
    rows = []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for width in widths:
            networks = {name: _layers(width, norm) for name, norm in norms.items()}
            x_NC = torch.randn(_COST_BATCH, width)
            for repetition in range(-1, repetitions):
                for name, network in networks.items():
                    began = process_time()
                    loss = network(x_NC).square().mean()
                    torch.autograd.grad(loss, list(network.parameters()))
                    seconds = process_time() - began
                    rows.append(
                        {"norm": name, "width": width, "seed": repetition, "seconds": seconds}
                    )
    finally:
        torch.set_num_threads(threads)
    table = pd.DataFrame(rows)
    return table[table["seed"] >= 0]


def _layers(width: int, norm: Normalization) -> nn.Module:
    layers = nn.Sequential()
    for _ in range(_LAYERS):
        layers.extend([nn.Linear(width, width), norm.features(width), nn.Sigmoid()])
    return layers
