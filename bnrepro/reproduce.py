"""The paper from nothing: run what is missing, draw it, test the claims, write the report."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bnrepro.errors import UserError
from bnrepro.paper.claims import SCALE_TABLE
from bnrepro.reports import EXPERIMENTS, FIGURES, write_report
from bnrepro.reports.report import Report
from bnrepro.studies.scale_invariance import write_scale_invariance
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
    swept = sweep(
        [
            f"experiment={','.join(experiments)}",
            f"scale={scale}",
            f"seed=range(0,{seeds})",
            f"runtime.runs={runs}",
        ],
        launcher,
        retry_failed=False,
        console=console,
    )
    if swept.signal is not None:
        return Reproduced(swept, None)
    if "claims" in wanted:
        table = results / scale / SCALE_TABLE
        try:
            table.parent.mkdir(parents=True, exist_ok=True)
            write_scale_invariance(table)
        except OSError as error:
            raise UserError(f"{table}: cannot be written ({error.strerror})") from error
    return Reproduced(swept, write_report(runs, scale, results, FIGURES, html))
