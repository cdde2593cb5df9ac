"""Training speed on Figure 2's BN-x5 at laptop scale: the usual loop against bnrepro's.

    python scripts/bench_inception.py        (needs Tiny-ImageNet below BNREPRO_DATA)

All sides in turn, each measurement a process of its own with one thread, on the same network
(width 0.25, 56 px, 50 classes). Seconds are the process's CPU time, which other work on the machine
hardly changes. `plain` is torchvision's ImageFolder with a DataLoader in the same process, its v1
transforms (random crop, flip, colour jitter, normalization), eager, NCHW, float32, optim.SGD; it
evaluates nothing. `bnrepro` is `bnrepro train` itself with its rows and TensorBoard events on,
between the evaluations at the first and the last step. `bnrepro compiled` is the same under
torch.compile, as it is from 20,000 steps on. Decoding once for all is not timed, nor is compiling,
which is done once on a machine.

Where an eager step's time goes (torch's profiler, of a prototype of it): convolutions take half,
most of that in kernels near the core's peak; products of 1x1 convolutions a seventh, as do
normalization and ReLU; the rest is some thousand calls of small operations, which compiling removes
in part.
"""

import argparse
import csv
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from unittest.mock import patch

EXPERIMENT = ("experiment=fig2/bn_x5", "scale=laptop")
BATCH, CLASSES, PIXELS = 32, 50, 56
WARM_UP = 10  # steps


def plain(steps: int) -> float:
    """Images per second of the plain loop."""
    import torch
    from rich.console import Console
    from torch import nn
    from torch.utils.data import DataLoader
    from torchvision import transforms
    from torchvision.datasets import ImageFolder

    from bnrepro.config import load
    from bnrepro.data.folders import find_tree
    from bnrepro.data.image_tree import read_image_tree
    from bnrepro.training.session import build_session

    session = build_session(load([*EXPERIMENT]), Console(stderr=True), "cpu")
    model = session.model.to(memory_format=torch.contiguous_format)
    folder = find_tree("tiny-imagenet-200")
    assert folder is not None
    with tempfile.TemporaryDirectory() as some_classes:
        for name in read_image_tree(folder, CLASSES).classes:
            Path(some_classes, name).symlink_to(folder / "train" / name)
        images = ImageFolder(
            some_classes,
            transforms.Compose(
                [
                    transforms.RandomCrop(PIXELS),
                    transforms.RandomHorizontalFlip(),
                    transforms.ColorJitter(0.25, 0.25, 0.25),
                    transforms.ToTensor(),
                    transforms.Normalize([0.5] * 3, [0.5] * 3),
                ]
            ),
        )
        batches = iter(DataLoader(images, batch_size=BATCH, shuffle=True, drop_last=True))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.0075, momentum=0.9, weight_decay=4e-5)
        cross_entropy = nn.CrossEntropyLoss()
        start = 0.0
        for step in range(WARM_UP + steps):
            if step == WARM_UP:
                start = time.process_time()
            inputs, labels = next(batches)
            optimizer.zero_grad()
            cross_entropy(model(inputs), labels).backward()
            optimizer.step()
        return steps * BATCH / (time.process_time() - start)


def ours(steps: int, compiled: bool = False) -> float:
    """Images per second of bnrepro's loop, recording on."""
    from rich.console import Console
    from torch import Tensor

    from bnrepro.config import load
    from bnrepro.training import run
    from bnrepro.training.losses import LossMean

    times = []
    add = LossMean.add

    def note_time(losses: LossMean, loss: Tensor) -> None:
        times.append(time.process_time())
        add(losses, loss)

    total = WARM_UP + steps + 1  # evaluations are at the start and at the last step
    with (
        tempfile.TemporaryDirectory() as runs,
        patch.object(LossMean, "add", note_time),
    ):
        overrides = [
            *EXPERIMENT,
            f"steps={total}",
            f"evaluation.every={total}",
            "runtime.device=cpu",
            f"runtime.compile={'on' if compiled else 'off'}",
            f"runtime.runs={runs}",
        ]
        run(load(overrides), Console(quiet=True))
    return steps * BATCH / (times[-2] - times[WARM_UP - 1])


SIDES: dict[str, Callable[[int], float]] = {
    "plain": plain,
    "bnrepro": ours,
    "bnrepro compiled": partial(ours, compiled=True),
}


def measure(side: str, steps: int) -> float:
    """One measurement in a process of its own."""
    command = [sys.executable, __file__, "--side", side, "--steps", str(steps)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout.split()[-1])


def main() -> None:
    """Measure, print the ratio, write the measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--out", type=Path, default=Path("results/laptop/bench_inception.csv"))
    parser.add_argument("--side", choices=SIDES, help="measure one side and print it")
    arguments = parser.parse_args()
    if arguments.side:
        print(SIDES[arguments.side](arguments.steps))
        return
    rows = [
        {side: measure(side, arguments.steps) for side in SIDES} for _ in range(arguments.rounds)
    ]
    for side in SIDES:
        ratios = [row[side] / row["plain"] for row in rows]
        print(
            f"{side}: {statistics.median(row[side] for row in rows):,.0f} images/s, "
            f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        )
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with arguments.out.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["round", "side", "images_per_second"])
        for number, row in enumerate(rows):
            writer.writerows([(number, side, round(speed, 1)) for side, speed in row.items()])


if __name__ == "__main__":
    main()
