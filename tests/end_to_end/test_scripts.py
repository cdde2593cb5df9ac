"""The scripts do what they say, in small."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from bench_table import page, tabulate
from tests.conftest import ROOT


@pytest.mark.real_data
def test_mnist_benchmark_measures_every_side(data_root: Path, tmp_path: Path) -> None:
    out = tmp_path / "bench.csv"
    command = [sys.executable, ROOT / "scripts" / "bench_mnist.py"]
    done = subprocess.run(
        [*command, "--rounds=1", "--steps=20", "--experiments", "fig1/with_bn", "--out", out],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr  # twenty steps say nothing of speed
    assert done.stdout.count("ratio to plain") == 3
    assert len(out.read_text().splitlines()) == 4


def test_gpu_benchmark_works_without_one(tmp_path: Path) -> None:
    out = tmp_path / "bench.csv"
    command = [sys.executable, ROOT / "scripts" / "bench_gpu.py"]
    done = subprocess.run(
        [*command, "--device", "cpu", "--steps", "1", "--only", "mnist", "--out", out],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ways = {line.split(",")[2] for line in out.read_text().splitlines()[1:]}
    assert ways == {"eager", "compiled", "memory bandwidth"}, "graphs are CUDA's"


def test_benchmarks_are_tabulated_round_by_round() -> None:
    rows = [("a", 0, "plain", 10.0), ("a", 0, "ours", 20.0), ("a", 1, "plain", 1.0)]
    rows += [("a", 1, "ours", 3.0)]
    measured = pd.DataFrame(rows, columns=["experiment", "round", "side", "steps_per_second"])
    assert tabulate(measured)[2:] == ["| a | plain | 1 |", "| a | ours | 2.50 (2.00 to 3.00) |"]
    on_gpu = tabulate(measured.assign(device="G")[["device", *measured.columns]])
    assert on_gpu[-1] == "| G | a | ours | 12 (3 to 20) | 2.50 (2.00 to 3.00) |"


def test_page_of_benchmarks_is_that_of_the_measurements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert (ROOT / "docs" / "benchmarks.md").read_text() == page()
