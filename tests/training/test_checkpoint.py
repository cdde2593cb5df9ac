from pathlib import Path

import pytest
import torch

from bnrepro.runs import RunDirectory
from bnrepro.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint


def _checkpoint(step: int) -> Checkpoint:
    return Checkpoint(
        step=step,
        seconds=1.0,
        model={"weight": torch.arange(1000.0)},
        velocity=[],
        losses=torch.zeros(0),
        metrics_bytes=0,
        cpu_rng=torch.get_rng_state(),
        cuda_rng=[],
    )


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    directory = RunDirectory(tmp_path)
    save_checkpoint(directory, _checkpoint(1))
    save_checkpoint(directory, _checkpoint(2))
    return directory


def _load(directory: RunDirectory) -> tuple[int | None, list[str]]:
    told: list[str] = []
    checkpoint = load_checkpoint(directory, told.append)
    return (checkpoint["step"] if checkpoint else None), told


def _flip_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def test_newest_is_used(directory: RunDirectory) -> None:
    assert _load(directory) == (2, [])


@pytest.mark.parametrize(
    "damage",
    [
        _flip_byte,
        lambda path: path.write_bytes(path.read_bytes()[:-100]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("<html>"),
    ],
)
def test_damaged_one_is_named_and_the_one_before_used(directory: RunDirectory, damage) -> None:
    damage(directory.checkpoint)
    step, told = _load(directory)
    assert step == 1
    assert len(told) == 1
    assert told[0].startswith("checkpoint.pt is damaged")


def test_restart_is_said(directory: RunDirectory) -> None:
    _flip_byte(directory.checkpoint)
    _flip_byte(directory.previous_checkpoint)
    step, told = _load(directory)
    assert step is None
    assert told[-1] == "no checkpoint can be used: starting again from step 0"


def test_kill_between_the_two_renames_leaves_the_one_before(directory: RunDirectory) -> None:
    directory.checkpoint.rename(directory.checkpoint.with_name("checkpoint.incoming.pt"))
    assert _load(directory) == (1, [])


def test_checkpoint_that_knows_more_rows_than_there_are_is_not_used(
    directory: RunDirectory,
) -> None:
    directory.metrics.write_text("{}\n")
    ahead = _checkpoint(3)
    ahead["metrics_bytes"] = 100
    save_checkpoint(directory, ahead)
    step, told = _load(directory)
    assert step == 2
    assert "rows that metrics.jsonl has lost" in told[0]


def test_another_file_is_no_checkpoint(directory: RunDirectory) -> None:
    save_checkpoint(directory, {"step": 3})
    step, told = _load(directory)
    assert step == 2
    assert "not a checkpoint of this version" in told[0]
