"""From ImageNet's archives to Figure 2, on small images: the whole way at the size of a test."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from bnrepro.config import load, run_path
from bnrepro.runs import RunDirectory
from bnrepro.studies.registry import study
from tests.conftest import CommandLine
from tests.data.official import write_archives

CLASSES, IMAGES = 200, 3  # of each class for training; one is held out
STEPS = 12
FORM = ["data.stored_size=40", "data.storage=jpeg", f"data.num_classes={CLASSES}"]
# All of the paper's recipe but its lengths and sizes; a step of two mini-batches.
SMALL = [
    *("inception_steps=12", "budget=equal", "groups=2", "evaluation.every=6"),
    *("evaluation.population_batches=2", "augmentation.size=32", "model.width=0.125"),
]
PROCESSES = ["runtime.processes=2", "runtime.checkpoint_seconds=0"]
COMMON = [*FORM, *SMALL, "runtime.tensorboard=false", "runtime.compile=off"]


@pytest.fixture
def imagenet(data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The archives, with Tiny-ImageNet's pictures in them."""
    monkeypatch.setenv("BNREPRO_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    train, val = {}, []
    for folder in sorted((data_root / "tiny-imagenet-200" / "train").iterdir()):
        files = [file.read_bytes() for file in sorted(folder.rglob("*.JPEG"))[: IMAGES + 1]]
        train[folder.name] = files[:IMAGES]
        val.append((folder.name, files[IMAGES]))
    write_archives(tmp_path / "data" / "imagenet", train, val[::-1])


@pytest.mark.real_data
@pytest.mark.usefixtures("imagenet")
def test_from_the_archives_to_figure_2(
    command_line: CommandLine, command_line_process: CommandLine, tmp_path: Path
) -> None:
    prepared = command_line("data", "prepare", "imagenet", *FORM)
    assert prepared.returncode == 0, prepared.stderr
    assert "train: 600 images" in prepared.stdout
    assert "val: 200 images" in prepared.stdout

    base, normalized = (
        ["experiment=fig2/inception", "scale=paper", *COMMON],
        ["experiment=fig2/bn_baseline", "scale=paper", *COMMON, *PROCESSES],
    )
    killed = RunDirectory(tmp_path / run_path(load(normalized)))
    _kill_after_a_checkpoint(killed, normalized, Path(prepared.stdout.split()[-1]))
    again = command_line_process("train", *normalized)  # its processes write past Python's stdout
    assert f"finished: step {STEPS} of {STEPS}" in again.stdout, again.stderr
    assert "resumed at step" in again.stdout
    assert command_line("train", *base).returncode == 0

    evaluated = command_line("evaluate", killed.path.name, "--crops", "144", "--json")
    [row] = json.loads(evaluated.stdout)
    assert row["examples"] == CLASSES

    drawn = command_line("figure", "fig2", "--scale", "paper", *COMMON, "--json")
    done = json.loads(drawn.stdout)
    assert len(done["not_run"]) == len(study("fig2").lines) - 2
    assert {Path(file).suffix for file in done["files"]} >= {".csv", ".svg"}


def _kill_after_a_checkpoint(run: RunDirectory, overrides: list[str], prepared: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "bnrepro", "train", *overrides],
        cwd=run.path.parents[3],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "XDG_CACHE_HOME": str(prepared.parents[3])},
    )
    while process.poll() is None and not run.checkpoint.exists():
        time.sleep(0.05)
    everyone = [*psutil.Process(process.pid).children(recursive=True), process]
    for one in everyone:
        one.kill()
    process.wait()
    assert not run.weights.exists(), "it was killed before its end"
