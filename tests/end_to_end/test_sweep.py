"""Real sweeps: workers, failures, signals."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console

from bnrepro.config import load
from bnrepro.runs import RunDirectory
from bnrepro.sweep import Launcher, plan
from bnrepro.training import run
from tests.conftest import CommandLine

TINY = ["experiment=fig1/with_bn,fig1/without_bn", "scale=smoke", "debug=two_steps"]


def _states(command_line: CommandLine) -> dict[str, str]:
    rows = json.loads(command_line("status", "--json").stdout)
    return {f"{row['experiment']} {row['seed']}": row["state"] for row in rows}


def test_one_failing_run_stops_no_other_and_is_retried_when_asked(
    command_line: CommandLine, tmp_path: Path
) -> None:
    broken = tmp_path / plan([*TINY, "seed=0"])[0].directory.metrics
    broken.mkdir(parents=True)
    done = command_line("sweep", *TINY, "seed=0,1", "--workers", "2")
    assert done.returncode == 1
    assert f"failed: {broken.relative_to(tmp_path).parent}: " in done.stderr
    states = _states(command_line)
    assert states.pop("fig1/with_bn 0") == "failed"
    assert list(states.values()) == ["finished"] * 3
    log = tmp_path / "runs" / ".sweep" / "launcher.log"
    log.unlink()
    assert command_line("sweep", *TINY, "seed=0,1").returncode == 1
    assert not log.exists(), "nothing was left to do: no worker was started"
    broken.rmdir()
    again = command_line("sweep", *TINY, "seed=0,1", "--workers", "2", "--retry-failed")
    assert again.returncode == 0, again.stderr
    assert _states(command_line)["fig1/with_bn 0"] == "finished"


def test_key_that_only_the_swept_experiments_have(command_line: CommandLine) -> None:
    swept = ["experiment=fig2/bn_x5,fig2/bn_x5_sigmoid", "scale=smoke", "debug=two_steps"]
    done = command_line("sweep", *swept, "model.init=he", "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert list(_states(command_line).values()) == ["finished"] * 2


def test_sweep_through_submitit_computes_what_train_does(
    command_line: CommandLine, tmp_path: Path
) -> None:
    jobs = f"hydra.launcher.submitit_folder={tmp_path / 'jobs'}"
    sweep = ["sweep", *TINY, "seed=3", "hydra/launcher=submitit_local", jobs]
    done = command_line(*sweep, timeout=200)
    assert done.returncode == 0, done.stderr
    one = plan([*TINY, "seed=3"])[0]
    config = load(["experiment=fig1/with_bn", "scale=smoke", "debug=two_steps", "seed=3"])
    direct = config.model_copy(
        update={"runtime": config.runtime.model_copy(update={"runs": str(tmp_path / "direct")})}
    )
    trained = run(direct, Console(quiet=True)).directory
    swept = RunDirectory(tmp_path / one.directory.path)
    assert swept.metrics.read_bytes() == trained.metrics.read_bytes()


def test_slurm_launcher_takes_what_it_is_told(tmp_path: Path) -> None:
    told = Launcher(workers=8, slurm=True, partition="gpu", hours=1.5, gpus=1).overrides(tmp_path)
    code = "from bnrepro.sweep.job import main; main()"
    shown = subprocess.run(
        [sys.executable, "-c", code, *told, "--cfg", "hydra", "-p", "hydra.launcher"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "partition: gpu\n" in shown.stdout, shown.stderr


def test_interrupt_stops_every_worker_at_a_checkpoint_and_the_next_call_goes_on(
    tmp_path: Path,
) -> None:
    long = ["experiment=fig1/with_bn", "scale=smoke", "steps=4000", "seed=0,1"]
    quick = ["runtime.checkpoint_seconds=0.1", "runtime.compile=off"]
    command = [sys.executable, "-m", "bnrepro", "sweep", *long, *quick, "--workers", "2"]
    directories = [RunDirectory(tmp_path / one.directory.path) for one in plan([*long, *quick])]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    while process.poll() is None and not all(one.checkpoint.exists() for one in directories):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    for directory in directories:
        status = directory.read_status()
        assert status is not None
        assert status.state == "preempted"
        assert status.step > 0
        assert not directory.is_locked()
    again = subprocess.run([*command, "--json"], cwd=tmp_path, capture_output=True, timeout=200)
    assert again.returncode == 0, again.stderr
    assert {row["state"] for row in json.loads(again.stdout)} == {"finished"}
    for directory in directories:
        assert "resumed at step" in directory.log.read_text()


# Some seconds of training a run.
SHORT = ["experiment=fig1/with_bn", "scale=smoke", "runtime.compile=off", "optim.momentum=0.5"]


def _start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bnrepro", "sweep", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    )


def _results(directories: list[RunDirectory]) -> list[tuple[bytes, bytes]]:
    return [(one.metrics.read_bytes(), one.weights.read_bytes()) for one in directories]


def test_run_that_is_deleted_harms_no_other_and_is_made_anew(tmp_path: Path) -> None:
    sweep = [*SHORT, "steps=2000", "seed=0,1", "runtime.checkpoint_seconds=0.1", "--workers=2"]
    deleted, other = (RunDirectory(tmp_path / one.directory.path) for one in plan(sweep[:-1]))
    process = _start(tmp_path, *sweep)
    while process.poll() is None and not deleted.previous_checkpoint.exists():
        time.sleep(0.02)
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
    again = _start(tmp_path, *sweep)
    _, errors = again.communicate(timeout=140)
    assert (again.returncode, errors) == (0, "")
    assert {one.read_status().state for one in (deleted, other)} == {"finished"}
    assert "resumed" not in deleted.log.read_text()
    assert _results([other]) == undisturbed


def test_two_sweeps_of_the_same_runs_train_each_once(tmp_path: Path) -> None:
    sweep = [*SHORT, "steps=600", "seed=range(4)", "--workers=2"]
    both = [_start(tmp_path, *sweep, "--json") for _ in range(2)]
    told = [process.communicate(timeout=200) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    planned, quiet = plan(sweep[:-1]), Console(quiet=True)
    directories = [RunDirectory(tmp_path / one.directory.path) for one in planned]
    for output, errors in told:
        states = [row["state"] for row in json.loads(output)]
        assert len(states) == 4
        assert set(states) <= {"finished", "running"}, errors
        assert errors.count(": another process is running it") == states.count("running")
    for one in directories:
        log = one.log.read_text()
        assert log.count("eager") == 1, "one process trained it"
        assert "resumed" not in log
    undisturbed = [
        run(
            load([*sweep[:-2], f"seed={one.config.seed}", f"runtime.runs={tmp_path / 'alone'}"]),
            quiet,
        )
        for one in planned
    ]
    assert _results(directories) == _results([outcome.directory for outcome in undisturbed])
