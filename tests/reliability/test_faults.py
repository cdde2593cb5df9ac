"""Real processes, really killed."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bnrepro.config import load, run_path
from bnrepro.runs import RunDirectory

KILLS = 10
# Long enough to be killed ten times before it ends.
OVERRIDES = [
    "experiment=fig1/with_bn",
    "scale=smoke",
    "steps=8000",
    "evaluation.every=200",
    "optim.momentum=0.5",
    "runtime.checkpoint_seconds=0.1",
    "runtime.compile=off",
]


def _command(runs: Path) -> list[str]:
    return [sys.executable, "-m", "bnrepro", "train", *OVERRIDES, f"runtime.runs={runs}"]


def _directory(runs: Path) -> RunDirectory:
    return RunDirectory(run_path(load([*OVERRIDES, f"runtime.runs={runs}"])))


def _start(runs: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        _command(runs), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def _results(directory: RunDirectory) -> tuple[bytes, bytes]:
    return directory.metrics.read_bytes(), directory.weights.read_bytes()


def _wait_for_training(process: subprocess.Popen[str], directory: RunDirectory) -> None:
    """Until this process itself has saved a checkpoint: its status says so."""
    before = directory.read_status()
    step = before.step if before else 0
    while process.poll() is None:
        status = directory.read_status()
        if status is not None and status.pid == process.pid and status.step > step:
            return
        time.sleep(0.01)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    runs = tmp_path_factory.mktemp("uninterrupted")
    subprocess.run(_command(runs), check=True, timeout=120, capture_output=True)
    return _results(_directory(runs))


def test_killed_at_random_moments_it_ends_as_if_never_stopped(
    tmp_path: Path, uninterrupted: tuple[bytes, bytes]
) -> None:
    random_moment = random.Random(2015)
    directory = _directory(tmp_path)
    for kill in range(KILLS):
        process = _start(tmp_path)
        if kill % 5:  # every fifth dies while it starts
            _wait_for_training(process, directory)
            time.sleep(random_moment.uniform(0, 0.8))
        else:
            time.sleep(random_moment.uniform(0, 4))
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL, "it ended before it could be killed"
    done = subprocess.run(_command(tmp_path), check=True, timeout=120, capture_output=True)
    assert b"resumed at step" in done.stdout
    assert _results(directory) == uninterrupted


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_asked_to_stop_it_stops_at_a_step_and_goes_on_later(
    tmp_path: Path, uninterrupted: tuple[bytes, bytes], number: signal.Signals, exit_code: int
) -> None:
    directory = _directory(tmp_path)
    process = _start(tmp_path)
    _wait_for_training(process, directory)
    time.sleep(0.5)
    process.send_signal(number)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == exit_code, told
    assert "run the same command to go on" in told
    status = json.loads(directory.status.read_text())
    assert status["state"] == "preempted"
    assert 0 < status["step"] < 8000
    done = subprocess.run(_command(tmp_path), check=True, timeout=120, capture_output=True)
    assert f"resumed at step {status['step']:,}".encode() in done.stdout
    assert _results(directory) == uninterrupted


def test_compiled_run_that_is_killed_ends_as_if_never_stopped(tmp_path: Path) -> None:
    compiled = ["runtime.compile=on", "steps=4000"]
    straight, killed = tmp_path / "straight", tmp_path / "killed"

    def command(runs: Path) -> list[str]:
        return [*_command(runs), *compiled]

    def directory(runs: Path) -> RunDirectory:
        return RunDirectory(run_path(load([*OVERRIDES, *compiled, f"runtime.runs={runs}"])))

    subprocess.run(command(straight), check=True, timeout=120, capture_output=True)
    process = subprocess.Popen(command(killed), stdout=subprocess.DEVNULL)
    _wait_for_training(process, directory(killed))
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "it ended before it could be killed"
    done = subprocess.run(command(killed), check=True, timeout=120, capture_output=True)
    assert b"resumed at step" in done.stdout
    assert _results(directory(killed)) == _results(directory(straight))


def test_second_process_on_a_run_is_told_who_holds_it(tmp_path: Path) -> None:
    directory = _directory(tmp_path)
    process = _start(tmp_path)
    try:
        _wait_for_training(process, directory)
        second = subprocess.run(
            _command(tmp_path), capture_output=True, text=True, timeout=60, check=False
        )
        assert process.poll() is None, "the first ended too early to tell"
        assert second.returncode == 2
        assert f"process {process.pid} on " in second.stderr
    finally:
        process.kill()
        process.communicate()
