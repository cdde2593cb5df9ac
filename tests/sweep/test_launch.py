"""A launcher that cannot start says so in one line."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from bnrepro.config import RunConfig
from bnrepro.errors import RunFailedError, UserError
from bnrepro.sweep import Job, Launcher, sweep

Config = Callable[..., RunConfig]
QUIET = Console(quiet=True)


def test_missing_package_is_named(small_run: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    monkeypatch.delitem(sys.modules, "bnrepro.sweep.slurm", raising=False)
    with pytest.raises(UserError, match=r"^--slurm: submitit is not installed; pip install"):
        sweep([small_run()], Launcher(engine="slurm"), False, QUIET)


def test_runs_share_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert Launcher().local_workers() == 2
    assert Launcher(per_gpu=3).local_workers() == 6
    assert Launcher(per_gpu=3, job=Job(gpus=2)).runs_per_job == 6
    assert Launcher(job=Job(gpus=2)).runs_per_job == 1


@pytest.mark.parametrize(
    ("launcher", "overrides", "told"),
    [
        (
            Launcher(engine="slurm", per_gpu=2),
            ["groups=2", "runtime.processes=2"],
            r"^--per-gpu 2: .*runtime.processes=2; leave one of them out$",
        ),
        (
            Launcher(engine="slurm", job=Job(nodes=2, tasks=4)),
            ["groups=8", "runtime.processes=4"],
            r"^--nodes 2 --tasks 4: 8 processes .*; set runtime.processes=8$",
        ),
    ],
)
def test_processes_that_do_not_fit_the_job_are_refused(
    small_run: Config, launcher: Launcher, overrides: list[str], told: str
) -> None:
    with pytest.raises(UserError, match=told):
        sweep([small_run(*overrides)], launcher, False, QUIET)


def test_machine_without_slurm_is_told(small_run: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match=r"^--slurm: no srun on this machine"):
        sweep([small_run()], Launcher(engine="slurm"), False, QUIET)


def test_what_slurm_refuses_is_said(
    small_run: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for command in ("srun", "sbatch"):
        (tmp_path / command).write_text("#!/bin/sh\necho 'invalid partition' >&2\nexit 1\n")
        (tmp_path / command).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RunFailedError, match=r"^--slurm: invalid partition$"):
        sweep([small_run()], Launcher(engine="slurm", job=Job(partition="no")), False, QUIET)


def test_folder_that_cannot_be_written_is_named(small_run: Config, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    config = small_run(f"runtime.runs={tmp_path / 'file' / 'runs'}")
    with pytest.raises(UserError, match=r"^runtime.runs=.*: cannot be written"):
        sweep([config], Launcher(), False, QUIET)
