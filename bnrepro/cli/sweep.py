"""`bnrepro sweep`."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from bnrepro.cli.app import app, examples
from bnrepro.cli.options import (
    ConfigDir,
    Cpus,
    Debug,
    Gpus,
    Hours,
    Json,
    Memory,
    Nodes,
    Partition,
    PerGpu,
    Ray,
    Slurm,
    SweepOverrides,
    Tasks,
    Workers,
)
from bnrepro.cli.tables import show_rows
from bnrepro.errors import UserError

if TYPE_CHECKING:
    from bnrepro.config import RunConfig
    from bnrepro.sweep import Swept
    from bnrepro.sweep.launcher import Engine


@app.command(
    epilog=examples(
        "bnrepro sweep experiment=fig1/with_bn,fig1/without_bn 'seed=range(5)'",
        "bnrepro sweep 'experiment=glob(fig2/*)' scale=smoke --dry-run",
        "bnrepro sweep experiment=fig2/bn_x5 optim.lr_multiplier=1,5,30 --slurm --gpus 1 --hours 8",
    )
)
def sweep(
    overrides: SweepOverrides = None,
    workers: Workers = None,
    per_gpu: PerGpu = 1,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Run failed runs again.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the runs and how long they take; start none.")
    ] = False,
    slurm: Slurm = False,
    ray: Ray = False,
    partition: Partition = None,
    hours: Hours = 4.0,
    nodes: Nodes = 1,
    tasks: Tasks = 1,
    cpus: Cpus = None,
    gpus: Gpus = 0,
    memory: Memory = None,
    config_dir: ConfigDir = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Train many runs side by side: every combination of the overrides, in Hydra's sweep syntax.

    What is done is skipped and what was interrupted goes on, so the same command again loses and
    repeats nothing. Exit code 0: all ended well, or are going elsewhere; 130 or 143: stopped;
    1: a run failed or was deleted; 2: wrong command.
    """
    from bnrepro.config import expand
    from bnrepro.sweep import Job, Launcher
    from bnrepro.sweep import sweep as run_sweep

    if slurm and ray:
        raise UserError("--slurm --ray: two clusters; give one of them")
    if not slurm and not ray:
        refuse_cluster_options(
            partition=partition,
            nodes=nodes > 1,
            tasks=tasks > 1,
            cpus=cpus,
            gpus=gpus,
            memory=memory,
        )
    console = Console(stderr=as_json)
    configs = expand(overrides or [])
    if dry_run:
        _show_plan(configs, console, as_json)
        return
    engine: Engine = "slurm" if slurm else "ray" if ray else "local"
    job = Job(partition, hours, nodes, tasks, cpus, gpus, memory)
    launcher = Launcher(workers, engine, job, per_gpu)
    swept = run_sweep(configs, launcher, retry_failed, console)
    show_rows(swept.rows, as_json)
    exit_as(swept)


def refuse_cluster_options(**given: object) -> None:
    """What a job of a cluster asks for has no effect on this machine, so it is not accepted.

    Raises:
        UserError: one of them was given.
    """
    for name, value in given.items():
        if value:
            raise UserError(f"--{name}: for the jobs of a cluster alone; give --slurm, too")


def exit_as(swept: "Swept") -> None:
    """Say which runs did not end well, and leave with the exit code of that."""
    for row in swept.failed:
        typer.echo(f"failed: {row.directory}: {row.message}", err=True)
    if swept.signal is not None:
        raise typer.Exit(128 + swept.signal)
    for row in swept.undone:
        reason = row.message or "its process is gone"
        typer.echo(f"not done: {row.directory}: {reason}; the same command runs it", err=True)
    for row in swept.elsewhere:
        typer.echo(f"{row.directory}: another process is running it", err=True)
    if swept.failed:
        typer.echo("`bnrepro sweep` with --retry-failed runs them again", err=True)
    if swept.failed or swept.undone:
        raise typer.Exit(1)


def _show_plan(configs: "list[RunConfig]", console: Console, as_json: bool) -> None:
    from bnrepro.sweep import duration, plan

    rows = plan(configs, console)
    show_rows(rows, as_json)
    if not as_json:
        typer.echo(f"one worker: {duration(sum(row.seconds_left or 0.0 for row in rows))}")
