"""Several processes, one result: gloo on the CPU."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from rich.console import Console
from torch.testing import assert_close

from bnrepro.config import load, run_path
from bnrepro.errors import UserError
from bnrepro.runs import RunDirectory, State, read_rows
from bnrepro.training import run
from bnrepro.training.compiler import choose_step
from bnrepro.training.groups import make_update
from bnrepro.training.processes import Processes, join_processes
from bnrepro.training.session import build_session
from bnrepro.training.step import with_its_batch
from tests import forked

_TIMEOUT = 200  # seconds; where nothing else is going on, one or two are enough
_SILENT = Console(quiet=True)
_BNREPRO = (sys.executable, "-m", "bnrepro", "train")
_GROUPS = (
    *("scale=smoke", "groups=4", "batch_size=16", "measures=[]", "record.every=10"),
    *("evaluation.population_batches=2", "runtime.tensorboard=false", "runtime.device=cpu"),
)
_NETWORK = """
from torch import nn

def build(num_classes, image_shape, norm, generator):
    return nn.Sequential(
        nn.Conv2d(image_shape[0], 4, 3), norm.maps(4), nn.ReLU(), nn.Dropout(0.5),
        nn.Flatten(), nn.Linear(144, 8), norm.features(8), nn.ReLU(), nn.Linear(8, num_classes),
    )
"""


@pytest.fixture(autouse=True, scope="module")
def _server() -> None:
    """A run's processes come from a fork server: from one that has imported all they need."""
    forked.start_server()


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _run(*overrides: str) -> RunDirectory:
    return run(load([*_GROUPS, *overrides]), _SILENT).directory


def _content(directory: RunDirectory) -> tuple[bytes, bytes]:
    return directory.metrics.read_bytes(), directory.weights.read_bytes()


def test_one_two_and_four_processes_train_to_the_same_bytes() -> None:
    Path("small_network.py").write_text(_NETWORK)
    recipe = (
        *("model=python", "model.factory=small_network:build", "data.size=8", "optim.momentum=0.9"),
        *("steps=12", "record.every=3", "evaluation.every=6"),
    )
    one, two, four = (
        _content(_run(*recipe, f"runtime.processes={count}", f"runtime.runs=runs_of_{count}"))
        for count in (1, 2, 4)
    )
    assert two == one
    assert four == one


@contextmanager
def _started(*command: str) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A command that trains, some steps on, with its processes; it saves after every step."""
    config = load([word for word in command if "=" in word and not word.startswith("--")])
    directory = RunDirectory(run_path(config))
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*command, "runtime.checkpoint_seconds=0"], stdout=pipe, stderr=pipe, text=True
    ) as process:
        try:
            while (status := directory.read_status()) is None or status.step < 5:
                assert process.poll() is None, process.communicate()
                time.sleep(0.1)
            siblings = _children(_parent(status.pid))
            yield process, [status.pid, *(pid for pid in siblings if pid != status.pid)]
        finally:
            process.kill()


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_killed_with_four_processes_it_goes_on_with_two() -> None:
    """A process that dies by kill -9 ends the others at once, with one line."""
    recipe = ("steps=150", "evaluation.every=75")
    straight = _run(*recipe, "runtime.runs=straight")
    with _started(*_BNREPRO, *_GROUPS, *recipe, "runtime.processes=4") as (process, pids):
        os.kill(pids[-1], signal.SIGKILL)
        # Those who would wait for the dead one would wait for a day; the parent would wait half a
        # minute for one that noticed and was asked to end, both.
        _, told = process.communicate(timeout=25)
    assert process.returncode == 1
    assert len(told.splitlines()) == 1
    assert "SIGKILL" in told
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    resumed = _run(*recipe, "runtime.processes=2")
    assert "resumed at step" in resumed.log.read_text()
    assert _content(resumed) == _content(straight)


def test_torchrun_starts_a_run_again() -> None:
    recipe = ("steps=150", "evaluation.every=75")
    straight = _run(*recipe, "runtime.runs=straight")
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--max-restarts=1")
    command = (*torchrun, "--nproc-per-node=2", "-m", "bnrepro", "train", *_GROUPS, *recipe)
    with _started(*command) as (process, pids):
        os.kill(pids[-1], signal.SIGKILL)
        told, problems = process.communicate(timeout=_TIMEOUT)
    assert process.returncode == 0, problems
    assert told.count("finished: step 150") == 1
    assert _content(RunDirectory(run_path(load([*_GROUPS, *recipe])))) == _content(straight)


def test_signal_stops_all_processes_at_the_same_step() -> None:
    recipe = ("steps=100_000", "evaluation.every=100_000", "runtime.compile=off")
    command = (*_BNREPRO, *_GROUPS, *recipe, "runtime.processes=2")
    with _started(*command) as (process, _):
        process.send_signal(signal.SIGTERM)
        told, errors = process.communicate(timeout=_TIMEOUT)
    assert process.returncode == 128 + signal.SIGTERM
    assert "run the same command to go on" in told
    assert errors == ""
    status = RunDirectory(run_path(load([*_GROUPS, *recipe]))).read_status()
    assert status is not None
    assert status.state is State.PREEMPTED


def test_groups_without_normalization_are_one_large_mini_batch() -> None:
    # Within an epoch: what is left over at its end is less than either mini-batch.
    recipe = ("norm=none", "steps=20", "optim.scaling=none", "optim.warmup_steps=0")
    grouped, whole = (
        list(read_rows(_run(*recipe, *size).metrics))
        for size in (("groups=4",), ("groups=1", "batch_size=64"))
    )
    for row, expected in zip(grouped, whole, strict=True):
        assert row == pytest.approx(expected, rel=1e-4)


def test_statistics_of_all_groups_are_those_of_one_large_mini_batch() -> None:
    recipe = ("steps=10", "optim.scaling=none", "optim.warmup_steps=0")
    synchronized, whole = (
        list(read_rows(_run(*recipe, *size).metrics))
        for size in (
            ("groups=2", "runtime.processes=2", "norm.group=all"),
            ("groups=1", "batch_size=32"),
        )
    )
    for row, expected in zip(synchronized, whole, strict=True):
        assert row == pytest.approx(expected, rel=1e-4)


def test_moving_averages_follow_the_mean_over_the_groups() -> None:
    def averages(groups: int, batch: int) -> torch.Tensor:
        """After one update from ``groups`` mini-batches, counted from ``batch``."""
        config = load([*_GROUPS, f"groups={groups}"])
        session = build_session(config, _SILENT)
        batches = session.batches()
        step = with_its_batch(session.update, batches.make)
        update = make_update(session, batches, step, Processes())
        update(batch, torch.zeros(()))
        return torch.cat([b for name, b in session.model.named_buffers() if "running" in name])

    assert_close(averages(2, 0), (averages(1, 0) + averages(1, 1)) / 2)


def test_rate_follows_the_groups() -> None:
    rate = [load([*_GROUPS, f"groups={groups}"]).learning_rate for groups in (1, 8)]
    assert rate[1](999) == pytest.approx(8 * rate[0](999))
    warmup = [rate[1](step) for step in range(56)]
    assert warmup == pytest.approx([8 * rate[0](0) * (step + 1) / 56 for step in range(56)])
    assert rate[0](0) == rate[0](999)


def test_compiled_groups_are_the_same() -> None:
    """The gradient of a group is one program, too."""
    session = build_session(load([*_GROUPS, "runtime.compile=on"]), _SILENT)
    eager = build_session(load([*_GROUPS]), _SILENT)
    for one, should_compile in ((session, True), (eager, False)):
        batches = one.batches()
        step, is_compiled = choose_step(one, batches, lambda _: None)
        assert is_compiled is should_compile
        update = make_update(one, batches, step, Processes())
        for number in range(4):
            update(number, torch.tensor(0.1))
    assert_close(session.model.state_dict(), eager.model.state_dict())


def test_processes_that_differ_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    config, other = load([*_GROUPS]), load([*_GROUPS, "seed=1"])
    processes = Processes(rank=0, count=2)
    told = []
    monkeypatch.setattr(Processes, "collect", lambda self, value: told.append(value) or told)
    processes.check_alike(config, torch.device("cpu"))
    with pytest.raises(UserError, match=r"process 1 on .*: seed=1, and 0 in process 0"):
        processes.check_alike(other, torch.device("cpu"))


def test_problem_of_one_process_is_told_by_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def build() -> None:
        raise UserError("data.root=/gone: no such folder")

    monkeypatch.setattr(Processes, "collect", lambda self, value: [None, value])
    with pytest.raises(UserError, match=r"process 1 on .*: data.root=/gone: no such folder"):
        Processes(rank=1, count=2).build_in_turn(build)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("runtime.processes=3",), r"runtime.processes=3: does not divide groups=4; use 1 or 2"),
        (("norm.group=all",), r"norm.group=all: needs a process for each group"),
        (
            ("norm.group=all", "runtime.processes=4", "measures=[saturation,gradient_norms]"),
            r"norm.group=all: one process alone cannot measure gradient_norms",
        ),
    ],
)
def test_processes_fit_the_groups(overrides: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load([*_GROUPS, *overrides])


def test_devices_and_libraries_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    config = load([*_GROUPS, "runtime.processes=2", "runtime.device=auto"])
    with monkeypatch.context() as patched:
        patched.setattr(torch.cuda, "is_available", lambda: True)
        patched.setattr(torch.cuda, "device_count", lambda: 1)
        with pytest.raises(UserError, match=r"runtime.processes=2: more than .* 1 GPU"):
            run(config, _SILENT)
        patched.setattr(torch.cuda, "device_count", lambda: 2)
        patched.setattr(torch.distributed, "is_nccl_available", lambda: False)
        with pytest.raises(UserError, match="built without NCCL"):
            run(config, _SILENT)
    monkeypatch.setattr(torch.distributed, "is_gloo_available", lambda: False)
    with pytest.raises(UserError, match="built without gloo"):
        run(config, _SILENT)


def test_address_in_use_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    config = load([*_GROUPS, "runtime.processes=2"])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        environment = {"RANK": 0, "LOCAL_RANK": 0, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2}
        address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        for key, value in (environment | address).items():
            monkeypatch.setenv(key, str(value))
        with (
            pytest.raises(UserError, match=f"MASTER_PORT={port}: address in use"),
            join_processes(config),
        ):
            pass
