"""Fit what the paper leaves open about its MNIST networks, on the network without BN alone.

Section 4.1 gives neither the learning rate nor the standard deviation of the initial weights, nor
what a "binary image" is. All three are chosen here, once, by the distance between the test accuracy
of `fig1/without_bn` and the paper's digitized curve, and then held for both networks. The seeds are
not the figure's. A search over fifteen pairs of rate and deviation, with the threshold alone, came
first (distance_threshold.csv, same seeds); the grid here is its six closest pairs, under the two
other readings.

    python scripts/fit_fig1.py --runs runs/fit --out results/laptop/fig1_fit

Finished runs are kept: an interrupted fit goes on. Needs MNIST (`bnrepro data fetch mnist`).
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console

from bnrepro.config import load
from bnrepro.paper import paper_curve
from bnrepro.runs import read_rows
from bnrepro.training import run

READINGS = ("sample", "none")  # beside the threshold, which the earlier search has
# Learning rate and standard deviation.
PAIRS = ((0.1, 0.05), (0.1, 0.06), (0.1, 0.07), (0.1, 0.08), (0.05, 0.08), (0.05, 0.1))
SEEDS = (100, 101)


def distance(reading: str, learning_rate: float, std: float, seed: int, runs: str) -> float:
    """Root mean square difference of test accuracy, from step 3,582 to the end of the curve."""
    config = load(
        [
            "experiment=fig1/without_bn",
            "scale=laptop",
            f"data.binarize={reading}",
            f"optim.lr={learning_rate}",
            f"model.init_std={std}",
            f"seed={seed}",
            f"runtime.runs={runs}",
            "runtime.tensorboard=false",
        ]
    )
    outcome = run(config, Console(quiet=True))
    rows = [row for row in read_rows(outcome.directory.metrics) if "test/accuracy" in row]
    paper = paper_curve("fig1a_without_bn")
    ours = np.interp(
        paper.steps, [row["step"] for row in rows], [row["test/accuracy"] for row in rows]
    )
    return float(np.sqrt(np.mean((ours - paper.values) ** 2)))


def main() -> None:
    """Run the grid, write the table, print the best."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", default="runs/fit")
    parser.add_argument("--out", type=Path, default=Path("results/laptop/fig1_fit"))
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    grid = [(reading, *pair) for reading, pair in product(READINGS, PAIRS)]
    with ProcessPoolExecutor(arguments.workers, mp_context=get_context("spawn")) as pool:
        jobs = {
            point: [pool.submit(distance, *point, seed, arguments.runs) for seed in SEEDS]
            for point in grid
        }
        table = [(*point, *(round(job.result(), 5) for job in jobs[point])) for point in grid]
    earlier = pd.read_csv(arguments.out / "distance_threshold.csv").assign(binarize="threshold")
    columns = ["binarize", "lr", "init_std", *(f"rms_distance_seed_{seed}" for seed in SEEDS)]
    together = pd.concat([earlier[columns], pd.DataFrame(table, columns=columns)])
    together["mean"] = together[columns[3:]].mean(axis=1)
    together = together.sort_values("mean", kind="stable").drop(columns="mean")
    together.to_csv(arguments.out / "distance.csv", index=False)
    reading, rate, std, *distances = together.iloc[0]
    print(
        f"closest: data.binarize={reading} optim.lr={rate} model.init_std={std}, "
        f"rms distance {np.mean(distances):.4f}"
    )


if __name__ == "__main__":
    main()
