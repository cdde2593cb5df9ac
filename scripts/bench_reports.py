"""How long `bnrepro status`, `figure` and `report` take on many runs, and how much memory.

    python scripts/bench_reports.py [--runs 500] [--rows 200]

Writes that many run directories with made-up numbers, spread over the lines of Figures 1 and 2,
into a temporary folder, and runs each command on them as a process of its own. Prints seconds,
seconds of CPU (the better measure on a busy machine) and peak memory; the exit code is 1 if a
command takes 10 seconds or 1 GB, or more.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bnrepro.config import RunConfig, recipe_id
from bnrepro.runs import Row, write_run
from bnrepro.runs.tags import (
    LEARNING_RATE,
    PERCENTILES,
    TEST_ACCURACY,
    TEST_LOSS,
    TRAIN_LOSS,
    activation_input,
)
from bnrepro.studies.evidence import line_config
from bnrepro.studies.registry import study
from bnrepro.studies.study import Line

STUDIES = ("fig1", "fig2")
SCALE = "laptop"  # at smoke, runs have fewer steps than rows, and nothing is judged
COMMANDS = (["status"], ["figure", "fig1"], ["figure", "fig2"], ["report", "--html"])
SECONDS, GIGABYTES = 10.0, 1.0


def main() -> None:
    """Measure every command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--rows", type=int, default=200)
    arguments = parser.parse_args()
    slow = False
    with tempfile.TemporaryDirectory() as folder:
        write_runs(Path(folder) / "runs", arguments.runs, arguments.rows)
        for command in COMMANDS:
            seconds, busy, gigabytes = measure(command, Path(folder))
            print(
                f"{' '.join(command)}: {seconds:.1f} s ({busy:.1f} s of CPU), "
                f"{gigabytes:.2f} GB at most",
                flush=True,
            )
            slow |= seconds >= SECONDS or gigabytes >= GIGABYTES
    sys.exit(slow)


def measure(command: list[str], folder: Path) -> tuple[float, float, float]:
    """Seconds, seconds of CPU and peak gigabytes of one command.

    Raises:
        SystemExit: it failed.
    """
    whole = [sys.executable, "-m", "bnrepro", *command]
    whole += ["--runs", str(folder / "runs"), "--json"]
    if command != ["status"]:
        whole += ["--out", str(folder / "results"), "--scale", SCALE]
    start = time.perf_counter()
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    process = os.posix_spawn(sys.executable, whole, os.environ, file_actions=silent)
    _, status, usage = os.wait4(process, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed")
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes
    seconds = time.perf_counter() - start
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 1e9


def write_runs(runs: Path, count: int, rows: int) -> None:
    """Spread run directories evenly over the recipes; every tag grows from first row to last."""
    rng = np.random.default_rng(0)
    recipes = {recipe_id(config): config for config in map(_config, _lines())}
    for i in range(count):
        seed, which = divmod(i, len(recipes))
        config = [*recipes.values()][which]
        runtime = config.runtime.model_copy(update={"runs": str(runs)})
        config = config.model_copy(update={"seed": seed, "runtime": runtime})
        write_run(config, _rows(config, rows, rng))


def _lines() -> list[Line]:
    return [line for name in STUDIES for line in study(name).lines]


def _config(line: Line) -> RunConfig:
    return line_config(line, SCALE)


def _rows(config: RunConfig, count: int, rng: np.random.Generator) -> list[Row]:
    tags = [TEST_ACCURACY, TEST_LOSS, TRAIN_LOSS, LEARNING_RATE]
    if "activation_inputs" in config.measures:
        tags += [
            activation_input(f"hidden.{layer}", which, percentile)
            for layer in range(3)
            for which in ("unit", "all")
            for percentile in PERCENTILES
        ]
    steps = np.linspace(0, config.steps, count).astype(int).tolist()
    values = np.sort(rng.random((count, len(tags))), axis=0).tolist()
    return [
        {"step": step, **dict(zip(tags, row, strict=True))}
        for step, row in zip(steps, values, strict=True)
    ]


if __name__ == "__main__":
    main()
