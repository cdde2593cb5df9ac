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

import yaml

from bnrepro.config import load, run_id
from bnrepro.runs import RunDirectory, State, Status

_LIMIT = 10.0  # seconds
_EXPERIMENTS = ("fig1/with_bn", "fig1/without_bn", "fig2/bn_baseline", "fig2/bn_x5")


def make_runs(folder: Path, count: int, rows: int) -> None:
    """Finished runs of four experiments, with the tags of a probed network of three layers."""
    layers = [f"probe/hidden.{i}/{of}" for i in range(3) for of in ("unit", "all")]
    tags = [f"{layer}/p{percentile}" for layer in layers for percentile in (15, 50, 85)]
    for experiment in _EXPERIMENTS:
        preset = load([f"experiment={experiment}", "scale=smoke"])
        for seed in range(count // len(_EXPERIMENTS)):
            config = preset.model_copy(update={"seed": seed})
            directory = RunDirectory(folder / experiment / run_id(config))
            directory.path.mkdir(parents=True)
            content = {"config": config.model_dump(mode="json"), "provenance": []}
            directory.config.write_text(yaml.safe_dump(content))
            lines = []
            for step in range(0, 10 * rows, 10):
                accuracy = 0.9 - 0.8 * math.exp(-step / 100) + seed / 1000
                row = {"step": step, "test/accuracy": accuracy, "test/loss": 1.0}
                lines.append(json.dumps(row | dict.fromkeys(tags, step / 100)))
            directory.metrics.write_text("\n".join(lines) + "\n")
            directory.write_status(
                Status(State.FINISHED, 10 * rows - 10, preset.steps, 1.0, 1.0, 1, "")
            )


def seconds_to_last_point(folder: Path, count: int, rows: int) -> float:
    """Start the dashboard, wait until it shows everything, stop it."""
    started = time.monotonic()
    command = [sys.executable, "-m", "bnrepro", "dashboard", "--scale", "smoke", "--no-open"]
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache")},
    )
    assert process.stdout is not None
    try:
        address = next(line for line in process.stdout if line.startswith("http")).partition("?")[0]
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
