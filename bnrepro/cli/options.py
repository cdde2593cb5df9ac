"""The arguments and options that several commands have."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from bnrepro.cli.app import settings
from bnrepro.completion import complete_override, complete_run, complete_scale


def _set_debug(value: bool) -> None:
    settings["debug"] = settings["debug"] or value


def _set_config_dir(folder: Path | None) -> None:
    from bnrepro.config.own import CONFIG_DIR

    if folder is not None:
        os.environ[CONFIG_DIR] = str(folder.absolute())


Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY=VALUE",
        help="What to change, as Hydra overrides: norm=none, optim.lr=0.2. `bnrepro config "
        "--explain` lists the keys.",
        autocompletion=complete_override,
    ),
]
SweepOverrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY=VALUE,VALUE",
        help="What to change, with several values each: norm=batch,none 'seed=range(3)'. `bnrepro "
        "config --explain` lists the keys.",
        autocompletion=complete_override,
    ),
]
Debug = Annotated[
    bool, typer.Option("--debug", help="Show the traceback of an error.", callback=_set_debug)
]
ConfigDir = Annotated[
    Path | None,
    typer.Option(
        "--config-dir",
        help="Folder of your own presets (experiment/mine.yaml); default: ./configs, if there.",
        callback=_set_config_dir,
    ),
]
DataName = Annotated[str, typer.Argument(help="The data set.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Runs = Annotated[Path, typer.Option("--runs", help="Folder of the run directories.")]
Out = Annotated[
    Path, typer.Option("--out", help="Folder to write to; results/ is what the project publishes.")
]
Scale = Annotated[
    str,
    typer.Option(
        help="How big: smoke (seconds, and nothing is judged), laptop, gpu, paper, ...; see "
        "`bnrepro list`.",
        autocompletion=complete_scale,
    ),
]
Html = Annotated[
    bool, typer.Option("--html", help="Write report.html, too: one page, works offline.")
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Runs side by side; default: one per core, or one per GPU."),
]
Slurm = Annotated[
    bool, typer.Option("--slurm", help="As jobs of SLURM (pip install '.\\[slurm]').")
]
Ray = Annotated[
    bool,
    typer.Option("--ray", help="As tasks of Ray, at RAY_ADDRESS (pip install '.\\[ray]')."),
]
Partition = Annotated[str | None, typer.Option(help="SLURM partition.")]
Hours = Annotated[
    float, typer.Option(min=0, help="Time limit of a SLURM job, which is then queued again.")
]
Nodes = Annotated[int, typer.Option(min=1, help="Machines of a SLURM job.")]
Tasks = Annotated[
    int, typer.Option(min=1, help="Processes on each: runtime.processes, over the machines.")
]
Cpus = Annotated[int | None, typer.Option(min=1, help="Cores of a process in a cluster.")]
Gpus = Annotated[int, typer.Option(min=0, help="GPUs of a job, on each machine.")]
Memory = Annotated[float | None, typer.Option(min=0, help="GB of a job, on each machine.")]
PerGpu = Annotated[int, typer.Option("--per-gpu", min=1, help="Runs side by side on a GPU.")]
TrainedRun = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="Run directory, or the beginning of a run's id.",
        autocompletion=complete_run,
    ),
]
TrainedRuns = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN",
        help="Run directories, or the beginnings of runs' ids.",
        autocompletion=complete_run,
    ),
]
PopulationBatches = Annotated[
    int, typer.Option(min=1, help="Training mini-batches of population or pooled statistics.")
]
Device = Annotated[
    Literal["auto", "cpu", "cuda", "mps"], typer.Option(help="Where to compute; auto: a GPU.")
]
