"""Runs of networks and optimizers that are not the paper's, from the command to the file."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from rich.console import Console

from bnrepro.config import RunConfig, load
from bnrepro.errors import UserError
from bnrepro.inference import evaluate, export
from bnrepro.inference.exported import read_exported
from bnrepro.runs import RunDirectory, State, last_values
from bnrepro.training import run

OWN = """
from torch import nn

def build(num_classes, image_shape, norm, generator):
    channels, height, width = image_shape
    first = nn.Linear(channels * height * width, 6)
    last = nn.Linear(6, num_classes)
    return nn.Sequential(nn.Flatten(), first, norm.features(6), nn.ReLU(), last)
"""

RESNET = ["model=torchvision", "data.size=32", "data.channels=3"]
OPTIMIZER = ["optim=adamw", "optim.schedule=cosine", "optim.warmup_steps=2"]


def _few_steps(tmp_path: Path, *overrides: str) -> RunConfig:
    return load(
        [
            "debug=two_steps",
            "steps=4",
            "batch_size=8",
            "data.train_examples=64",
            "runtime.device=cpu",
            f"runtime.runs={tmp_path / 'runs'}",
            *overrides,
        ]
    )


def _say(config: RunConfig) -> tuple[RunDirectory, State, str]:
    output = io.StringIO()
    outcome = run(config, Console(file=output, width=300))
    return outcome.directory, outcome.status.state, output.getvalue()


@pytest.fixture
def own_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / f"network_of_{tmp_path.name}.py"
    file.write_text(OWN)
    return file


def test_resnet_with_adamw_trains_evaluates_and_exports(tmp_path: Path) -> None:
    directory, state, said = _say(_few_steps(tmp_path, *RESNET, *OPTIMIZER))
    assert state is State.FINISHED
    assert "model=resnet18 has no layers to observe, so these stay empty" in said
    assert "test/accuracy" in last_values(directory.metrics, ["test/accuracy"])
    quiet = Console(quiet=True)
    [row] = evaluate([directory], "population", 2, 1, 64, "cpu", quiet)
    assert 0 <= row.accuracy_1 <= 1
    file = tmp_path / "network.safetensors"
    export(directory, "safetensors", True, "population", 2, file, False, "cpu", quiet)
    assert file.stat().st_size > 10_000_000


@pytest.mark.parametrize("optimizer", [OPTIMIZER, ["optim.momentum=0.9", "optim.nesterov=true"]])
def test_resumed_run_ends_as_one_that_was_never_stopped(
    tmp_path: Path, own_network: Path, optimizer: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    overrides = ["model=python", f"model.factory={own_network.stem}:build", *optimizer]
    whole, _, _ = _say(_few_steps(tmp_path, *overrides))
    often = ["runtime.checkpoint_seconds=0", f"runtime.runs={tmp_path / 'stopped'}"]
    config = _few_steps(tmp_path, *overrides, *often)
    with monkeypatch.context() as patch:
        patch.setattr("bnrepro.training.loop.TrainingLoop._check_parameters", _crash)
        with pytest.raises(KeyboardInterrupt):
            _say(config)
    # What the crash left is the checkpoint of the last step; the one before it stands for a kill.
    (RunDirectory(_only_run(tmp_path / "stopped")).checkpoint).unlink()
    stopped, _, said = _say(config)
    assert "resumed at step 3" in said
    assert stopped.weights.read_bytes() == whole.weights.read_bytes()
    assert stopped.metrics.read_bytes() == whole.metrics.read_bytes()


def _crash(_loop: object) -> None:
    raise KeyboardInterrupt


def _only_run(runs: Path) -> Path:
    [config] = runs.glob("**/config.yaml")
    return config.parent


def test_run_whose_source_has_changed_says_so(tmp_path: Path, own_network: Path) -> None:
    config = _few_steps(tmp_path, "model=python", f"model.factory={own_network.stem}:build")
    directory, _, _ = _say(config)
    own_network.write_text(OWN + "# edited\n")
    output = io.StringIO()
    evaluate([directory], "moving", 2, 1, 64, "cpu", Console(file=output, width=300))
    assert "its source has changed since" in output.getvalue()
    elsewhere = config.runtime.model_copy(update={"runs": str(tmp_path / "again")})
    with pytest.raises(UserError, match="its source has changed since"):
        _say(config.model_copy(update={"runtime": elsewhere}))


def test_weights_of_an_own_network_run_its_code_only_when_trusted(
    tmp_path: Path, own_network: Path
) -> None:
    config = _few_steps(tmp_path, "model=python", f"model.factory={own_network.stem}:build")
    directory, _, _ = _say(config)
    file = tmp_path / "network.safetensors"
    quiet = Console(quiet=True)
    export(directory, "safetensors", False, "moving", 2, file, False, "cpu", quiet)
    with pytest.raises(UserError, match="code on this machine; add --trust to run it"):
        read_exported(file, trust=False)
    _, classify = read_exported(file, trust=True)
    assert classify(torch.zeros(1, 1, 28, 28, dtype=torch.uint8)).shape == (1, 10)


def test_more_threads_than_cores_is_said(
    tmp_path: Path, small_run: Callable[..., RunConfig]
) -> None:
    threads = (os.cpu_count() or 1) + 1
    _, state, said = _say(small_run(f"runtime.threads={threads}", "steps=1"))
    assert state is State.FINISHED
    assert torch.get_num_threads() == threads
    assert f"runtime.threads={threads}: more than this machine's {threads - 1} cores" in said
