"""The scripts do what they say, in small."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.mark.real_data
def test_mnist_benchmark_measures_every_side(data_root: Path, tmp_path: Path) -> None:
    out = tmp_path / "bench.csv"
    command = [sys.executable, ROOT / "scripts" / "bench_mnist.py"]
    done = subprocess.run(
        [*command, "--rounds", "1", "--steps", "20", "--out", out],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr  # twenty steps say nothing of speed
    assert done.stdout.count("ratio to plain") == 6
    assert len(out.read_text().splitlines()) == 7


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
    assert ways == {"eager", "compiled"}, "graphs are CUDA's"
