"""Real sweeps: workers, failures, signals."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console

from bnrepro.config import load
from bnrepro.run_directory import RunDirectory
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
