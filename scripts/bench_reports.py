"""How long `bnrepro status`, `figure` and `report` take on many runs, and how much memory.

    python scripts/bench_reports.py [--runs 500] [--rows 200]

Writes that many run directories with made-up numbers, spread over the experiments of Figures 1 and
2, into a temporary folder, and runs each command on them as a process of its own. Prints seconds,
seconds of CPU (the better measure on a busy machine) and peak memory; the exit code is 1 if a
command takes 10 seconds or 1 GB, or more.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import yaml

from bnrepro.config import RunConfig, load, run_id
from bnrepro.reports.fig1 import NETWORKS
from bnrepro.reports.fig2 import MODELS
from bnrepro.runs import RunDirectory, State, Status

EXPERIMENTS = [shown.experiment for shown in (*NETWORKS, *MODELS)]
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
        whole += ["--results", str(folder / "results")]
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
    """Spread run directories evenly over the experiments."""
    rng = np.random.default_rng(0)
    configs = [load([f"experiment={name}", "scale=laptop"]) for name in EXPERIMENTS]
    for i in range(count):
        seed, which = divmod(i, len(configs))
        write_run(runs, configs[which].model_copy(update={"seed": seed}), rows, rng)


def write_run(runs: Path, config: RunConfig, rows: int, rng: np.random.Generator) -> None:
    """One finished run; every tag grows from its first row to its last."""
    directory = RunDirectory(runs / config.experiment / run_id(config))
    directory.path.mkdir(parents=True)
    tags = ["test/accuracy", "test/loss", "train/loss", "train/learning_rate"]
    if "activation_inputs" in config.measures:
        tags += [
            f"probe/hidden.{layer}/{which}/p{percentile}"
            for layer in range(3)
            for which in ("unit", "all")
            for percentile in (15, 50, 85)
        ]
    steps = np.linspace(0, config.steps, rows).astype(int).tolist()
    values = np.sort(rng.random((rows, len(tags))), axis=0).tolist()
    lines = [
        json.dumps({"step": step, **dict(zip(tags, row, strict=True))})
        for step, row in zip(steps, values, strict=True)
    ]
    directory.metrics.write_text("\n".join(lines) + "\n")
    content = {
        "run_id": run_id(config),
        "config": config.model_dump(mode="json"),
        "provenance": [{"git_commit": "", "processor": "none", "device": "cpu"}],
    }
    directory.config.write_text(yaml.safe_dump(content, sort_keys=False))
    done = Status(State.FINISHED, config.steps, config.steps, 60.0, 1000.0, 1, "")
    directory.write_status(done)


if __name__ == "__main__":
    main()
