"""Inference speed of Inception: with batch normalization, and with it folded.

    python scripts/bench_inference.py        (noise for images; needs no data)

Both sides in one process with one thread, in turn, on the same images and weights, channels last,
in evaluation mode under torch.inference_mode. `batch norm` is the network as it was trained, with
torch's fused layer; `folded` is `fold_batch_norm` of it. Two networks: that of scale=laptop (width
0.25, 56 px, 50 classes) and that of Figure 5 (full width, 224 px, 1000 classes; a quarter of the
rounds). The first passes of each side are not timed, and neither is folding. The exit code is 1 if
a median ratio at batch 64 is below 1.15.
"""

import argparse
import csv
import statistics
import sys
import time
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from bnrepro.nn import (
    Inception,
    Initialization,
    batch_norm,
    estimate_population_statistics,
    fold_batch_norm,
)


class Network(NamedTuple):
    """An Inception network, and how long it is measured.

    Attributes:
        width: factor on every channel count.
        pixels: height and width of the images.
        classes: size of the output.
        images: at least so many pass in a measurement.
        round_share: of the rounds that are asked for.
    """

    width: float
    pixels: int
    classes: int
    images: int
    round_share: float


NETWORKS = {
    "laptop": Network(0.25, 56, 50, 640, 1.0),
    "full width": Network(1.0, 224, 1000, 64, 0.25),
}
BATCHES = (1, 64)
MOST_PASSES = 100
WANTED = 1.15


def make(network: Network) -> nn.Module:
    """The network with batch normalization, by the statistics of Algorithm 2 on one batch."""
    generator = torch.Generator().manual_seed(0)
    model = Inception(
        network.classes,
        "relu",
        batch_norm(),
        Initialization("xavier"),
        generator,
        image_size=network.pixels,
        width=network.width,
    ).to(memory_format=torch.channels_last)
    estimate_population_statistics(model, [images(network, 8)])
    return model.eval()


def images(network: Network, batch: int) -> Tensor:
    """Noise, (batch, 3, pixels, pixels)."""
    shape = (batch, 3, network.pixels, network.pixels)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(batch))
    return noise.to(memory_format=torch.channels_last)


@torch.inference_mode()
def speed(model: nn.Module, x: Tensor, passes: int) -> float:
    """Images per second."""
    start = time.perf_counter()
    for _ in range(passes):
        model(x)
    return passes * len(x) / (time.perf_counter() - start)


def spread(values: list[float], digits: int) -> str:
    """Median and range."""
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def main() -> None:
    """Measure both networks at both batch sizes, print the ratios, write the measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("results/laptop/bench_inference.csv"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[tuple[str, int, int, str, float]] = []
    fast_enough = True
    for name, network in NETWORKS.items():
        rounds = max(1, round(arguments.rounds * network.round_share))
        model = make(network)
        sides = {"batch norm": model, "folded": fold_batch_norm(model)}
        for batch in BATCHES:
            x = images(network, batch)
            passes = min(MOST_PASSES, -(-network.images // batch))
            speeds: dict[str, list[float]] = {side: [] for side in sides}
            for network_of_side in sides.values():
                speed(network_of_side, x, min(passes, 3))  # warm-up
            for number in range(rounds):
                for side, measured in speeds.items():
                    measured.append(speed(sides[side], x, passes))
                    rows.append((name, batch, number, side, round(measured[-1], 2)))
            pairs = zip(speeds["folded"], speeds["batch norm"], strict=True)
            ratios = [folded / unfolded for folded, unfolded in pairs]
            print(f"{name}, batch {batch}: images/s, median (range) of {rounds} rounds")
            for side, measured in speeds.items():
                print(f"  {side}: {spread(measured, 1)}")
            print(f"  ratio: {spread(ratios, 2)}", flush=True)
            fast_enough &= batch == 1 or statistics.median(ratios) >= WANTED
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with arguments.out.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["network", "batch", "round", "side", "images_per_second"])
        writer.writerows(rows)
    sys.exit(0 if fast_enough else 1)


if __name__ == "__main__":
    main()
