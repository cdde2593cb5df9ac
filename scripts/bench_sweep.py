"""What side by side gains: eight MNIST runs on one worker against two.

    python scripts/bench_sweep.py        (needs MNIST; two cores that do nothing else)

Each side is `bnrepro sweep` itself, one thread a run, into a folder of its own: starting the
launcher and its workers is part of the time.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path

OVERRIDES = ["experiment=fig1/with_bn,fig1/without_bn", "seed=range(0,4)", "runtime.compile=off"]


def seconds(workers: int, steps: int) -> float:
    """Of the whole sweep."""
    with tempfile.TemporaryDirectory() as runs:
        command = [sys.executable, "-m", "bnrepro", "sweep", *OVERRIDES]
        chosen = [f"steps={steps}", f"runtime.runs={runs}", "--workers", str(workers)]
        start = time.perf_counter()
        subprocess.run([*command, *chosen], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - start


def main() -> None:
    """Measure, print the ratio, write the measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=15_000)
    parser.add_argument("--out", type=Path, default=Path("results/laptop/bench_sweep.csv"))
    arguments = parser.parse_args()
    rows = [
        (seconds(1, arguments.steps), seconds(2, arguments.steps)) for _ in range(arguments.rounds)
    ]
    ratios = sorted(one / two for one, two in rows)
    print(f"ratio: {ratios[len(ratios) // 2]:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with arguments.out.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["round", "workers", "seconds"])
        for number, row in enumerate(rows):
            writer.writerows([(number, workers, round(s, 1)) for workers, s in enumerate(row, 1)])


if __name__ == "__main__":
    main()
