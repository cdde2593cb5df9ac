import hashlib
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bnrepro.errors import UserError
from bnrepro.runs import RunDirectory
from bnrepro.training.checkpoint import (
    Checkpoint,
    checkpoint_damage,
    load_checkpoint,
    save_checkpoint,
)


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


def test_where_none_can_be_used_each_is_named(directory: RunDirectory) -> None:
    assert set(checkpoint_damage(directory).values()) == {""}
    _flip_byte(directory.checkpoint)
    _flip_byte(directory.previous_checkpoint)
    step, told = _load(directory)
    assert step is None
    assert [line.split(" ")[0] for line in told] == ["checkpoint.pt", "checkpoint.previous.pt"]
    assert all(checkpoint_damage(directory).values())
    assert [*checkpoint_damage(directory)] == [directory.checkpoint, directory.previous_checkpoint]


class _Killed(BaseException):
    pass


@pytest.fixture
def killed_save(monkeypatch: pytest.MonkeyPatch) -> Callable[[RunDirectory, int, int], None]:
    """Save a checkpoint in a process that is killed before its n-th rename."""

    def save(directory: RunDirectory, step: int, rename: int) -> None:
        renames = iter(range(1, rename))
        replace = Path.replace

        def replace_or_die(path: Path, target: Path) -> Path:
            if next(renames, None) is None:
                raise _Killed
            return replace(path, target)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", replace_or_die)
            with pytest.raises(_Killed):
                save_checkpoint(directory, _checkpoint(step))

    return save


@pytest.mark.parametrize(("rename", "step"), [(1, 2), (2, 3), (3, 3)])
def test_killed_in_a_save_the_newest_complete_one_is_used(
    directory: RunDirectory, killed_save, rename: int, step: int
) -> None:
    killed_save(directory, 3, rename)
    assert _load(directory) == (step, [])
    save_checkpoint(directory, _checkpoint(4))
    assert _load(directory) == (4, [])


@pytest.mark.parametrize("rename", [1, 2, 3])
def test_damaged_one_never_takes_the_place_of_a_good_one(
    directory: RunDirectory, killed_save, rename: int
) -> None:
    _flip_byte(directory.checkpoint)
    assert _load(directory)[0] == 1
    killed_save(directory, 3, rename)
    directory.incoming_checkpoint.unlink(missing_ok=True)  # and that one is lost, too
    assert _load(directory)[0] == 1


def test_folder_in_a_checkpoints_place_is_said_and_left(directory: RunDirectory) -> None:
    directory.checkpoint.unlink()
    directory.checkpoint.mkdir()
    with pytest.raises(UserError, match=r"checkpoint\.pt: a folder where a checkpoint belongs"):
        _load(directory)
    directory.checkpoint.rmdir()
    assert _load(directory) == (1, [])


class _Crafted:
    def __reduce__(self) -> tuple[object, ...]:
        return print, ("code was run",)


@pytest.mark.parametrize("content", [pickle.dumps(_Crafted()), b"", b"<html>", b"PK\x03\x04"])
def test_file_with_a_digest_that_torch_did_not_write_is_named(
    directory: RunDirectory, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    directory.checkpoint.write_bytes(content + hashlib.sha256(content).digest())
    step, told = _load(directory)
    assert step == 1
    assert told == ["checkpoint.pt is damaged (not written by bnrepro): not used"]
    assert "code was run" not in capsys.readouterr().out


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
