"""Training speed on the paper's MNIST networks: the loop anyone would write against bnrepro's.

    python scripts/bench_mnist.py            (needs MNIST: `bnrepro data fetch mnist`)

Both sides in turn, each measurement a process of its own with one thread. The plain side is a
DataLoader over a TensorDataset, eager, nn.BatchNorm1d and optim.SGD. bnrepro's side is
`bnrepro train` itself with its rows, TensorBoard events and checkpoints on. Neither side's time
holds loading the data, warming up (compiling) or, on the plain side, any evaluation; bnrepro's
holds its evaluations at the first and the last step.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time

EXPERIMENTS = ("fig1/without_bn", "fig1/with_bn")


def plain(experiment: str, steps: int) -> float:
    """Steps per second of the plain loop."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    from bnrepro.data import load_mnist

    torch.set_num_threads(1)
    torch.manual_seed(0)
    train = load_mnist(threshold=127).train
    loader = DataLoader(
        TensorDataset(train.images.flatten(1).float(), train.labels), batch_size=60, shuffle=True
    )
    layers: list[nn.Module] = []
    fan_in = 784
    for _ in range(3):
        layers.append(nn.Linear(fan_in, 100))
        if experiment == "fig1/with_bn":
            layers.append(nn.BatchNorm1d(100))
        layers.append(nn.Sigmoid())
        fan_in = 100
    model = nn.Sequential(*layers, nn.Linear(fan_in, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    cross_entropy = nn.CrossEntropyLoss()

    def epoch() -> int:
        for images, labels in loader:
            optimizer.zero_grad()
            loss = cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
        return len(loader)

    epoch()  # warm-up
    done, start = 0, time.perf_counter()
    while done < steps:
        done += epoch()
    return done / (time.perf_counter() - start)


def ours(experiment: str, steps: int) -> float:
    """Steps per second of bnrepro's loop, recording on."""
    from rich.console import Console

    from bnrepro.config import load
    from bnrepro.training import run

    with tempfile.TemporaryDirectory() as runs:
        overrides = [
            f"experiment={experiment}",
            f"steps={steps}",
            f"evaluation.every={steps}",
            "runtime.device=cpu",
            "runtime.compile=on",
            f"runtime.runs={runs}",
        ]
        status = run(load(overrides), Console(quiet=True)).status
    return status.steps / status.seconds


def measure(side: str, experiment: str, steps: int) -> float:
    """One measurement in a process of its own."""
    command = [sys.executable, __file__, "--side", side, "--experiment", experiment]
    done = subprocess.run(
        [*command, "--steps", str(steps)], check=True, stdout=subprocess.PIPE, text=True
    )
    return float(done.stdout.split()[-1])


def spread(values: list[float], digits: int) -> str:
    """Median and range."""
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def main() -> None:
    """Measure both networks and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--side", choices=["plain", "ours"], help="measure one side and print it")
    parser.add_argument("--experiment", choices=EXPERIMENTS, default=EXPERIMENTS[0])
    arguments = parser.parse_args()
    if arguments.side:
        side = plain if arguments.side == "plain" else ours
        print(side(arguments.experiment, arguments.steps))
        return
    print(f"steps/s, median (range) of {arguments.rounds} rounds of {arguments.steps:,} steps")
    for experiment in EXPERIMENTS:
        pairs = [
            (
                measure("plain", experiment, arguments.steps),
                measure("ours", experiment, arguments.steps),
            )
            for _ in range(arguments.rounds)
        ]
        plain_speeds, our_speeds = (list(side) for side in zip(*pairs, strict=True))
        ratios = [mine / theirs for theirs, mine in pairs]
        print(
            f"{experiment}: plain {spread(plain_speeds, 0)}, bnrepro {spread(our_speeds, 0)}, "
            f"ratio {spread(ratios, 2)}"
        )


if __name__ == "__main__":
    main()
