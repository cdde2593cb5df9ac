"""Training speed on the paper's MNIST networks: the loop anyone would write against bnrepro's.

    python scripts/bench_mnist.py            (needs MNIST: `bnrepro data fetch mnist`)
    python scripts/bench_mnist.py --peer jax (and pip install '.[bench]')

The sides in turn, each measurement a process of its own with one thread. `plain` is a DataLoader
over a TensorDataset, eager, nn.BatchNorm1d and optim.SGD; it evaluates nothing. `jax` is the same
network and update as one jitted scan of 250 steps; it evaluates and records nothing. `bnrepro` is
`bnrepro train` itself with its rows and TensorBoard events on, evaluating at the first and last
step only, on the same images, cut at a threshold. `bnrepro as in Figure 1` also draws each pixel
anew and evaluates every 250 steps, by Algorithm 2, with probes: work that the others do not do. No
time holds loading the data or warming up (compiling).
Every measurement goes to a CSV file; the exit code is 1 if a median ratio of plain to bnrepro is
below 1.5.
"""

import argparse
import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

BATCH, BLOCK = 60, 250
EXPERIMENTS = ("fig1/without_bn", "fig1/with_bn")


def examples() -> tuple[Any, Any]:
    """Pixels of the training images, 0 or 1, a tensor (60,000, 784), and their labels."""
    from torch import Tensor

    from bnrepro.data.mnist import load_mnist

    train = load_mnist(threshold=127).train
    assert isinstance(train.images, Tensor)
    return train.images.flatten(1), train.labels


def plain(experiment: str, steps: int) -> float:
    """Steps per second of the plain loop."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    torch.set_num_threads(1)
    torch.manual_seed(0)
    pixels, classes = examples()
    loader = DataLoader(TensorDataset(pixels.float(), classes), batch_size=60, shuffle=True)
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


def jax_scan(experiment: str, steps: int) -> float:
    """Steps per second of JAX, the loop itself compiled; mini-batches are gathered in it."""
    # Before jax starts: one thread.
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    from functools import partial

    import jax
    import numpy as np
    from jax import numpy as jnp

    images, labels = (jnp.asarray(part.numpy()) for part in examples())
    normalizes = experiment == "fig1/with_bn"
    sizes = (784, 100, 100, 100, 10)
    generator = np.random.default_rng(0)
    parameters = [
        {
            "weight": jnp.asarray(generator.normal(0, 0.06, (fan_in, out)), jnp.float32),
            "shift": jnp.zeros(out),
            **({"scale": jnp.ones(out)} if normalizes and out != sizes[-1] else {}),
        }
        for fan_in, out in pairwise(sizes)
    ]
    averages = [(jnp.zeros(out), jnp.ones(out)) for out in sizes[1:-1] if normalizes]

    def loss(parameters, averages, x, y):  # type: ignore[no-untyped-def]
        *hidden, output = parameters
        moved = []
        for number, layer in enumerate(hidden):
            x = x @ layer["weight"]
            if normalizes:
                mean, var = x.mean(0), x.var(0)
                x = (x - mean) * jax.lax.rsqrt(var + 1e-5) * layer["scale"]
                old_mean, old_var = averages[number]
                unbiased = var * BATCH / (BATCH - 1)
                moved.append((0.9 * old_mean + 0.1 * mean, 0.9 * old_var + 0.1 * unbiased))
            x = jax.nn.sigmoid(x + layer["shift"])
        logits = x @ output["weight"] + output["shift"]
        chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1)
        return -chosen.mean(), moved

    @partial(jax.jit, donate_argnums=0)
    def train_block(state, rows, images, labels):  # type: ignore[no-untyped-def]
        def update(state, row):  # type: ignore[no-untyped-def]
            parameters, averages = state
            x, y = images[row].astype(jnp.float32), labels[row]
            gradient = jax.value_and_grad(loss, has_aux=True)
            (value, averages), gradients = gradient(parameters, averages, x, y)
            moved = jax.tree.map(lambda w, g: w - 0.1 * g, parameters, gradients)
            return (moved, averages), value

        return jax.lax.scan(update, state, rows)

    state = (parameters, averages)
    done, start = -BLOCK, 0.0  # the first block warms up
    while done < steps:
        if done == 0:
            start = time.perf_counter()
        order = generator.permutation(len(labels))[: BLOCK * BATCH]
        state, losses = train_block(state, order.reshape(BLOCK, BATCH), images, labels)
        np.asarray(losses)
        done += BLOCK
    return done / (time.perf_counter() - start)


def ours(experiment: str, steps: int, evaluation_every: int, binarize: str) -> float:
    """Steps per second of bnrepro's loop, recording on."""
    from rich.console import Console

    from bnrepro.config import load
    from bnrepro.training import run

    with tempfile.TemporaryDirectory() as runs:
        overrides = [
            f"experiment={experiment}",
            "scale=laptop",  # real MNIST
            f"steps={steps}",
            f"evaluation.every={evaluation_every}",
            f"data.binarize={binarize}",
            "runtime.device=cpu",
            "runtime.compile=on",
            f"runtime.runs={runs}",
        ]
        status = run(load(overrides), Console(quiet=True)).status
    return status.steps / status.seconds


PLAIN = "plain"
SIDES = {
    PLAIN: plain,
    "jax": jax_scan,
    "bnrepro": lambda experiment, steps: ours(experiment, steps, steps, "threshold"),
    "bnrepro as in Figure 1": lambda experiment, steps: ours(experiment, steps, 250, "sample"),
}


def measure(side: str, experiment: str, steps: int) -> float:
    """One measurement in a process of its own."""
    command = [sys.executable, __file__, "--side", side, "--experiments", experiment]
    done = subprocess.run(
        [*command, "--steps", str(steps)], check=True, stdout=subprocess.PIPE, text=True
    )
    return float(done.stdout.split()[-1])


def spread(values: list[float], digits: int) -> str:
    """Median and range."""
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def main() -> None:
    """Measure, print the ratios, write the measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--out", type=Path, default=Path("results/laptop/bench_mnist.csv"))
    parser.add_argument("--peer", choices=["jax"], help="measure this one, too")
    parser.add_argument("--side", choices=SIDES, help="measure one side and print it")
    parser.add_argument("--experiments", choices=EXPERIMENTS, nargs="+", default=EXPERIMENTS)
    arguments = parser.parse_args()
    if arguments.side:
        print(SIDES[arguments.side](arguments.experiments[0], arguments.steps))
        return
    print(f"steps/s, median (range) of {arguments.rounds} rounds of {arguments.steps:,} steps")
    sides = [side for side in SIDES if side != "jax" or arguments.peer == "jax"]
    rows: list[tuple[str, int, str, float]] = []
    fast_enough = True
    for experiment in arguments.experiments:
        speeds: dict[str, list[float]] = {side: [] for side in sides}
        for number in range(arguments.rounds):
            for side, measured in speeds.items():
                measured.append(measure(side, experiment, arguments.steps))
                rows.append((experiment, number, side, round(measured[-1], 1)))
        print(experiment)
        for side, measured in speeds.items():
            ratios = [m / p for m, p in zip(measured, speeds[PLAIN], strict=True)]
            print(f"  {side}: {spread(measured, 0)}, ratio to plain {spread(ratios, 2)}")
            if arguments.peer and side.startswith("bnrepro"):
                peer = [m / p for m, p in zip(measured, speeds[arguments.peer], strict=True)]
                print(f"    ratio to {arguments.peer} {spread(peer, 2)}")
            if side == "bnrepro":
                fast_enough &= statistics.median(ratios) >= 1.5
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with arguments.out.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["experiment", "round", "side", "steps_per_second"])
        writer.writerows(rows)
    sys.exit(0 if fast_enough else 1)


if __name__ == "__main__":
    main()
