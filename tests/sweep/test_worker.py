"""What becomes of one run in a worker."""

import errno
from collections.abc import Callable

import pytest

from bnrepro.config import RunConfig, run_path
from bnrepro.runs import RunDirectory, State
from bnrepro.sweep.worker import Problem, train

Config = Callable[..., RunConfig]


def test_failed_run_is_left_alone_until_a_retry(small_run: Config) -> None:
    config = small_run("runtime.compile=off")
    directory = RunDirectory(run_path(config))
    directory.metrics.mkdir(parents=True)
    failure = train(config, retry_failed=False)
    assert failure is not None
    assert failure.state == State.FAILED
    directory.metrics.rmdir()
    assert train(config, retry_failed=False) is None
    assert directory.read_status().state is State.FAILED
    assert train(config, retry_failed=True) is None
    assert directory.read_status().state is State.FINISHED


def test_full_disk_is_named_though_no_status_can_be_written(
    small_run: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_run("runtime.compile=off")

    def fail(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("bnrepro.runs.directory.write_atomically", fail)
    problem = train(config, retry_failed=False)
    assert problem is not None
    assert problem.state == State.FAILED
    assert "no space left on the disk" in problem.message


def test_run_that_another_process_holds_is_no_problem(small_run: Config) -> None:
    config = small_run("runtime.compile=off")
    directory = RunDirectory(run_path(config))
    directory.path.mkdir(parents=True)
    with directory.lock():
        assert train(config, retry_failed=False) is None
    assert directory.read_status() is None


def test_runs_are_dealt_to_all_gpus(small_run: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[int] = []
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    monkeypatch.setattr("torch.cuda.set_device", chosen.append)
    monkeypatch.setattr("bnrepro.training.run", lambda config, console: None)
    for number in range(6):
        train(small_run(f"seed={number}"), retry_failed=False, number=number)
    assert chosen == [0, 1, 2, 3, 0, 1]
    train(small_run("runtime.device=cpu"), retry_failed=False, number=1)
    assert len(chosen) == 6, "a run on the CPU takes no GPU"


def test_problem_is_one_line(small_run: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise RuntimeError("first\nsecond")

    monkeypatch.setattr("bnrepro.training.run", fail)
    assert train(small_run(), retry_failed=False) == Problem(State.FAILED, "first")
