"""The paper from nothing: run what is missing, draw it, test the claims, write the report."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bnrepro.config import expand, preset, run_id
from bnrepro.errors import UserError
from bnrepro.paper.claims import SCALE_TABLE
from bnrepro.reports import CONTROLS, EXPERIMENTS, FIGURES, write_report
from bnrepro.reports.fig4 import methods_of
from bnrepro.reports.report import Report
from bnrepro.runs import RunDirectory, State
from bnrepro.sweep import Launcher, Swept, sweep

TARGETS = (*FIGURES, "claims", "all")
"""What can be reproduced."""


@dataclass(frozen=True)
class Reproduced:
    """How it ended.

    Attributes:
        swept: the runs.
        report: what was written; None: stopped before.
    """

    swept: Swept
    report: Report | None


def reproduce(
    targets: Sequence[str],
    scale: str,
    seeds: int,
    launcher: Launcher,
    runs: Path,
    results: Path,
    html: bool,
    console: Console,
) -> Reproduced:
    """Train what the targets lack at a scale, and write the report on all that has run there.

    Args:
        targets: of `TARGETS`; ``all`` is every one.
        scale: how big.
        seeds: runs of each experiment: 0, 1 and so on.
        launcher: where the runs execute.
        runs: folder of the run directories.
        results: the results folder.
        html: whether to write the page, too.
        console: how the runs go.

    Raises:
        UserError: an unknown target or scale, or what runs and results refuse.
    """
    for target in targets:
        if target not in TARGETS:
            raise UserError(f"{target}: cannot be reproduced; choose from {', '.join(TARGETS)}")
    wanted = TARGETS[:-1] if "all" in targets else targets
    experiments = dict.fromkeys(name for target in wanted for name in EXPERIMENTS[target])
    configs = expand(
        [
            f"experiment={','.join(experiments)}",
            f"scale={scale}",
            f"seed=range(0,{seeds})",
            f"runtime.runs={runs}",
        ]
    )
    swept = sweep(configs, launcher, retry_failed=False, console=console)
    if swept.signal is not None:
        return Reproduced(swept, None)
    if "fig4" in wanted:
        console.print("evaluating the members of Figure 4's ensemble")
        _evaluate_members(scale, seeds, runs, launcher)
    _compare_scaled_weights(results / scale / SCALE_TABLE)
    return Reproduced(swept, report(runs, scale, results, html))


def _compare_scaled_weights(file: Path) -> None:
    """What the claim of Section 3.3 is tested on: computed, not trained; the same every time."""
    from bnrepro.studies import write_scale_invariance  # imports torch

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_scale_invariance(file)
    except OSError as error:
        raise UserError(f"{file}: cannot be written ({error.strerror})") from error


def _evaluate_members(scale: str, seeds: int, runs: Path, launcher: Launcher) -> None:
    """Keep the predictions that Figure 4 is made from, of the members that finished."""
    from bnrepro.inference import keep_predictions  # imports torch

    wanted = []
    for experiment in EXPERIMENTS["fig4"]:
        for seed in range(seeds):
            config = preset(experiment, scale).model_copy(update={"seed": seed})
            directory = RunDirectory(runs / experiment / run_id(config))
            status = directory.read_status()
            if status is not None and status.state is State.FINISHED:
                wanted.append((directory, methods_of(config)))
    keep_predictions(wanted, launcher.local_workers(), "auto")


def report(runs: Path, scale: str, results: Path, html: bool) -> Report:
    """The report on all that has run at a scale.

    Args:
        runs: folder of the run directories.
        scale: how big.
        results: the results folder.
        html: whether to write the page, too.

    Raises:
        UserError: nothing has run, or the results cannot be written.
    """
    return write_report(runs, scale, results, FIGURES, html, CONTROLS)
