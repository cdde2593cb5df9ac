"""Real sweeps: workers, failures, signals."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from bnrepro.config import expand, run_path
from bnrepro.runs import RunDirectory
from bnrepro.training import run
from tests.conftest import CommandLine
from tests.end_to_end import slurm

TINY = ["experiment=fig1/with_bn,fig1/without_bn", "scale=smoke", "debug=two_steps"]

# Some seconds of training a run, most of which the processor has for others.
STEPS = 150
SHORT = [
    *("experiment=fig1/with_bn", "scale=smoke", "optim.momentum=0.5"),
    *("model=python", "model.factory=slow_network:build", "evaluation.population_batches=2"),
    *("runtime.compile=off", "runtime.tensorboard=false"),
]
QUICK = "runtime.checkpoint_seconds=0.1"
_NETWORK = """
import time
from torch import nn

class Slow(nn.Sequential):
    def forward(self, x):
        if self.training:
            time.sleep(0.02)
        return super().forward(x)

def build(num_classes, image_shape, norm, generator):
    first, last = nn.Linear(784, 20), nn.Linear(20, num_classes)
    for layer in (first, last):
        nn.init.normal_(layer.weight, std=0.1, generator=generator)
        nn.init.zeros_(layer.bias)
    return Slow(nn.Flatten(), first, norm.features(20), nn.Sigmoid(), last)
"""


@pytest.fixture(autouse=True)
def _slow_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "slow_network.py").write_text(_NETWORK)


def _directories(folder: Path, *overrides: str) -> list[RunDirectory]:
    return [RunDirectory(folder / run_path(config)) for config in expand(overrides)]


def _start(folder: Path, *arguments: str, path: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bnrepro", "sweep", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "COLUMNS": "200", "PATH": f"{path}{os.pathsep}{os.environ['PATH']}"},
    )


def _wait_for_checkpoints(process: subprocess.Popen[str], *directories: RunDirectory) -> None:
    while process.poll() is None:
        if all(one.previous_checkpoint.exists() for one in directories):
            return
        time.sleep(0.02)


def _results(directories: list[RunDirectory]) -> list[tuple[bytes, bytes]]:
    return [(one.metrics.read_bytes(), one.weights.read_bytes()) for one in directories]


def _train_alone(folder: Path, *overrides: str) -> list[RunDirectory]:
    """Each in one go, in this process."""
    configs = expand([*overrides, f"runtime.runs={folder}", "runtime.checkpoint_seconds=60"])
    return [run(config, Console(quiet=True)).directory for config in configs]


def _states(command_line: CommandLine) -> dict[str, str]:
    rows = json.loads(command_line("status", "--json").stdout)
    return {f"{row['experiment']} {row['seed']}": row["state"] for row in rows}


def test_one_failing_run_stops_no_other_and_is_retried_when_asked(
    command_line: CommandLine, tmp_path: Path
) -> None:
    [broken, *_] = (one.metrics for one in _directories(tmp_path, *TINY, "seed=0"))
    broken.mkdir(parents=True)
    done = command_line("sweep", *TINY, "seed=0,1", "--workers", "2")
    assert done.returncode == 1
    assert f"failed: {broken.relative_to(tmp_path).parent}: " in done.stderr
    states = _states(command_line)
    assert states.pop("fig1/with_bn 0") == "failed"
    assert list(states.values()) == ["finished"] * 3
    log = tmp_path / "runs" / ".sweep" / "workers.log"
    log.unlink()
    assert command_line("sweep", *TINY, "seed=0,1").returncode == 1
    assert not log.exists(), "nothing was left to do: no worker was started"
    broken.rmdir()
    again = command_line("sweep", *TINY, "seed=0,1", "--workers", "2", "--retry-failed")
    assert again.returncode == 0, again.stderr
    assert _states(command_line)["fig1/with_bn 0"] == "finished"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_stops_every_worker_at_a_checkpoint_and_the_next_call_goes_on(
    command_line: CommandLine, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    sweep = [*SHORT, f"steps={STEPS}", "seed=range(3)", QUICK, "--workers=2"]
    directories = _directories(tmp_path, *sweep[:-1])
    process = _start(tmp_path, *sweep)
    _wait_for_checkpoints(process, *directories[:2])
    workers = [directory.read_status().pid for directory in directories[:2]]
    # As a terminal does it: to all of the group.
    os.killpg(process.pid, number)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == code, output
    assert errors == ""
    for directory in directories[:2]:
        status = directory.read_status()
        assert status is not None
        assert (status.state, status.message) == ("preempted", "asked to stop by SIGTERM")
        assert 0 < status.step < STEPS
    assert not directories[2].path.exists(), "no run began after the signal"
    assert not any(map(psutil.pid_exists, workers))
    again = command_line("sweep", *sweep, "--json")
    assert again.returncode == 0, again.stderr
    assert {row["state"] for row in json.loads(again.stdout)} == {"finished"}
    for directory in directories[:2]:
        assert "resumed at step" in directory.log.read_text()


def test_killed_worker_costs_its_run_only(command_line: CommandLine, tmp_path: Path) -> None:
    sweep = [*SHORT, f"steps={STEPS}", "seed=range(3)", QUICK, "--workers=2"]
    killed, *others = _directories(tmp_path, *sweep[:-1])
    process = _start(tmp_path, *sweep)
    _wait_for_checkpoints(process, killed)
    os.kill(killed.read_status().pid, signal.SIGKILL)
    output, errors = process.communicate(timeout=200)
    assert process.returncode == 1, errors
    [line] = errors.splitlines()
    assert line.startswith(f"not done: {killed.path.relative_to(tmp_path)}: its process was killed")
    assert line.endswith("; the same command runs it")
    assert "2 of 3 done: 2 finished, 1 preempted" in output
    for one in others:
        assert "resumed" not in one.log.read_text(), "it was disturbed"
    again = command_line("sweep", *sweep)
    assert (again.returncode, again.stderr) == (0, "")
    alone = _train_alone(tmp_path / "alone", *sweep[:-1], "seed=0")
    assert _results([killed]) == _results(alone)


def test_runs_stop_where_their_sweep_is_killed(tmp_path: Path) -> None:
    sweep = [*SHORT, "steps=4000", "seed=0", QUICK]
    [directory] = _directories(tmp_path, *sweep)
    process = _start(tmp_path, *sweep)
    _wait_for_checkpoints(process, directory)
    process.kill()
    # What its worker's helpers hold open closes as they end: not only after a minute.
    process.communicate(timeout=45)
    for _ in range(300):
        if not directory.is_locked():
            break
        time.sleep(0.1)
    status = directory.read_status()
    assert (status.state, status.message) == ("preempted", "asked to stop by SIGTERM")


def test_job_of_slurm_is_queued_again_at_its_time_limit_and_goes_on(tmp_path: Path) -> None:
    slurm.install(tmp_path / "bin")
    runs = [*SHORT, f"steps={STEPS}", "seed=0,1", QUICK]
    sweep = [*runs, "--slurm", "--hours=0.1", "--partition=long"]
    directories = _directories(tmp_path, *runs)
    process = _start(tmp_path, *sweep, path=str(tmp_path / "bin"))
    _wait_for_checkpoints(process, directories[0])
    os.kill(directories[0].read_status().pid, signal.SIGUSR2)  # what submitit asks SLURM for
    output, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors
    assert "2 of 2 done: 2 finished" in output
    assert "resumed at step" in directories[0].log.read_text()
    alone = _train_alone(tmp_path / "alone", *runs, "seed=0")
    assert _results(directories[:1]) == _results(alone)
    script = (tmp_path / "bin" / "script").read_text()
    assert {"--partition=long", "--time=6", "--cpus-per-task=1"} <= set(script.split())


def test_runs_that_share_a_gpu_are_one_job_and_go_on_together(tmp_path: Path) -> None:
    slurm.install(tmp_path / "bin")
    sweep = [*SHORT, f"steps={STEPS}", "seed=0,1", QUICK, "--slurm", "--gpus=1", "--per-gpu=2"]
    directories = _directories(tmp_path, *sweep[:-3])
    process = _start(tmp_path, *sweep, path=str(tmp_path / "bin"))
    _wait_for_checkpoints(process, *directories)
    job = psutil.Process(int((tmp_path / "bin" / f"{slurm.ALONE}.pid").read_text()))
    for one in job.children(recursive=True):  # as SLURM does it: to all of the job
        one.send_signal(signal.SIGUSR2)
    output, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors
    assert "2 of 2 done: 2 finished" in output
    for directory in directories:
        assert "resumed at step" in directory.log.read_text()
    assert "--gpus-per-node=1" in (tmp_path / "bin" / "script").read_text()


@pytest.mark.skipif(find_spec("ray") is None, reason="needs Ray")
def test_tasks_of_ray_stop_at_a_checkpoint_and_the_next_call_goes_on(tmp_path: Path) -> None:
    sweep = [*SHORT, f"steps={STEPS}", "seed=0,1", QUICK, "--ray"]
    directories = _directories(tmp_path, *sweep[:-1])
    process = _start(tmp_path, *sweep)
    _wait_for_checkpoints(process, *directories)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=100)
    assert process.returncode == 130, errors
    assert {one.read_status().state for one in directories} == {"preempted"}
    again = _start(tmp_path, *sweep)
    output, errors = again.communicate(timeout=200)
    assert again.returncode == 0, errors
    assert "2 of 2 done: 2 finished" in output
    alone = _train_alone(tmp_path / "alone", *sweep[:-1], "seed=0")
    assert _results(directories[:1]) == _results(alone)


def test_interrupt_takes_the_jobs_from_slurm(tmp_path: Path) -> None:
    slurm.install(tmp_path / "bin")
    sweep = [*SHORT, "steps=4000", "seed=0,1", QUICK, "--slurm"]
    directories = _directories(tmp_path, *sweep[:-1])
    process = _start(tmp_path, *sweep, path=str(tmp_path / "bin"))
    _wait_for_checkpoints(process, *directories)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert [one.read_status().state for one in directories] == ["preempted"] * 2


def test_run_that_is_deleted_harms_no_other_and_is_made_anew(
    command_line: CommandLine, tmp_path: Path
) -> None:
    sweep = [*SHORT, f"steps={STEPS}", "seed=0,1", QUICK, "--workers=2"]
    deleted, other = _directories(tmp_path, *sweep[:-1])
    process = _start(tmp_path, *sweep)
    _wait_for_checkpoints(process, deleted)
    # Moved first: a folder is not deleted in one step, and this is not about half of one.
    shutil.rmtree(deleted.path.rename(tmp_path / "deleted"))
    told, errors = process.communicate(timeout=140)
    assert process.returncode == 1, errors
    path = deleted.path.relative_to(tmp_path)
    assert errors.splitlines() == [
        f"not done: {path}: its folder was deleted while it was going; the same command runs it"
    ]
    assert "1 of 2 done: 1 deleted, 1 finished" in told
    assert not deleted.path.exists(), "nothing is written back"
    undisturbed = _results([other])
    again = command_line("sweep", *sweep)
    assert (again.returncode, again.stderr) == (0, "")
    assert {one.read_status().state for one in (deleted, other)} == {"finished"}
    assert "resumed" not in deleted.log.read_text()
    assert _results([other]) == undisturbed


def test_two_sweeps_of_the_same_runs_train_each_once(tmp_path: Path) -> None:
    sweep = [*SHORT, "steps=40", "seed=range(4)", "--workers=2"]
    both = [_start(tmp_path, *sweep, "--json") for _ in range(2)]
    told = [process.communicate(timeout=200) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    directories = _directories(tmp_path, *sweep[:-1])
    for output, errors in told:
        states = [row["state"] for row in json.loads(output)]
        assert len(states) == 4
        assert set(states) <= {"finished", "running"}, errors
        assert errors.count(": another process is running it") == states.count("running")
    for one in directories:
        log = one.log.read_text()
        assert log.count("eager") == 1, "one process trained it"
        assert "resumed" not in log
    assert _results(directories) == _results(_train_alone(tmp_path / "alone", *sweep[:-1]))
