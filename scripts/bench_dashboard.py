"""How soon `bnrepro dashboard` shows 200 runs of 50 evaluations each, made up for the purpose.

    python scripts/bench_dashboard.py [--runs N] [--rows N]

From the start of the command until TensorBoard has handed out the last point of every run: on an
empty cache, and started again. The exit code is 1 if the first takes 10 seconds or more.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

from bnrepro.config import load
from bnrepro.runs import Row, write_run
from bnrepro.runs.tags import PERCENTILES, TEST_ACCURACY, TEST_LOSS, activation_input

_LIMIT = 10.0  # seconds
_EXPERIMENTS = ("fig1/with_bn", "fig1/without_bn", "fig2/bn_baseline", "fig2/bn_x5")


def make_runs(folder: Path, count: int, rows: int) -> None:
    """Finished runs of four experiments, with the tags of a probed network of three layers."""
    tags = [
        activation_input(f"hidden.{layer}", which, percentile)
        for layer in range(3)
        for which in ("unit", "all")
        for percentile in PERCENTILES
    ]
    for experiment in _EXPERIMENTS:
        config = load([f"experiment={experiment}", "scale=smoke", f"runtime.runs={folder}"])
        for seed in range(count // len(_EXPERIMENTS)):
            write_run(
                config.model_copy(update={"seed": seed}),
                [_row(step, seed, tags) for step in range(0, 10 * rows, 10)],
            )


def _row(step: int, seed: int, tags: list[str]) -> Row:
    accuracy = 0.9 - 0.8 * math.exp(-step / 100) + seed / 1000
    probed = dict.fromkeys(tags, step / 100)
    return {"step": step, TEST_ACCURACY: accuracy, TEST_LOSS: 1.0, **probed}


def seconds_to_last_point(folder: Path, count: int, rows: int) -> float:
    """Start the dashboard, wait until it shows everything, stop it."""
    started = time.monotonic()
    command = [sys.executable, "-m", "bnrepro", "dashboard", "--scale", "smoke", "--seeds"]
    process = subprocess.Popen(
        [*command, "--no-open"],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache")},
    )
    assert process.stdout is not None
    try:
        address = next(line for line in process.stdout if line.startswith("http")).split()[0]
        runs = [f"{e}/seed{s}" for e in _EXPERIMENTS for s in range(count // len(_EXPERIMENTS))]
        while _points(address, runs) < rows * len(runs):
            time.sleep(0.05)
        return time.monotonic() - started
    finally:
        process.terminate()
        process.wait()


def _points(address: str, runs: list[str]) -> int:
    """Points of all runs together, asked for in one request, as the page does."""
    form = urllib.parse.urlencode({"tag": "test/accuracy", "runs": runs}, doseq=True)
    path = "data/plugin/scalars/scalars_multirun"
    with urllib.request.urlopen(address + path, data=form.encode()) as answer:
        return sum(map(len, json.load(answer).values()))


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--rows", type=int, default=50)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_runs(folder / "runs", arguments.runs, arguments.rows)
        first, again = (
            seconds_to_last_point(folder, arguments.runs, arguments.rows) for _ in range(2)
        )
    print(f"{arguments.runs} runs of {arguments.rows} rows: {first:.1f} s, again {again:.1f} s")
    return int(first >= _LIMIT)


if __name__ == "__main__":
    sys.exit(main())
