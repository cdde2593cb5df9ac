"""From studies to results: run what is missing, prepare, draw, judge, write the report."""

import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bnrepro.config import RunConfig, run_id
from bnrepro.errors import UserError
from bnrepro.forkserver import start_server
from bnrepro.render.report import Report, write_report
from bnrepro.runs.archive import unpack_runs
from bnrepro.runs.ended import EndedRuns
from bnrepro.studies.evidence import Evidence, gather, line_config
from bnrepro.studies.registry import COLLECTIONS, select, studies
from bnrepro.studies.study import Line, Study
from bnrepro.sweep import Launcher, Swept, sweep

PUBLISHED = Path("results")
"""What the project publishes, in a checkout."""


@dataclass(frozen=True)
class Reproduction:
    """How it ended.

    Attributes:
        swept: the runs.
        report: what was written; None: stopped before.
    """

    swept: Swept
    report: Report | None


def reproduce(
    names: Sequence[str],
    scale: str,
    seeds: int,
    launcher: Launcher,
    runs: Path,
    results: Path,
    html: bool,
    console: Console,
) -> Reproduction:
    """Train what studies lack at a scale, and write the report on all that has run there.

    Args:
        names: of studies and collections, or ``all``.
        scale: how big.
        seeds: runs of each line: 0, 1 and so on.
        launcher: where the runs execute.
        runs: folder of the run directories.
        results: the folder to write to.
        html: whether to write the page, too.
        console: how the runs go.

    Raises:
        UserError: an unknown study or scale, or what runs and results refuse.
        RunFailedError: every run failed.
    """
    wanted = select(names)
    if launcher.engine == "local":
        start_server()  # imports torch while the configs are composed
    configs = [
        line_config(line, scale).model_copy(update={"seed": seed})
        for one in wanted
        for line in one.lines
        for seed in range(seeds)
    ]
    swept = sweep(_once(configs, runs), launcher, retry_failed=False, console=console)
    if swept.signal is not None:
        return Reproduction(swept, None)
    swept.check_some_ended()
    for one in wanted:
        if one.prepare is not None:
            console.print(f"preparing {one.name}")
            prepare(one, scale, runs, results)
    return Reproduction(swept, report(runs, scale, results, html))


def prepare(one: Study, scale: str, runs: Path, results: Path) -> None:
    """Compute what a study needs before it is drawn.

    Raises:
        UserError: the results cannot be written.
    """
    folder = folder_of(one, scale, results)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if one.prepare is not None:
            one.prepare(one, scale, runs, folder)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror})") from error


def report(runs: Path, scale: str, results: Path, html: bool) -> Report:
    """The report on all that has run at a scale.

    Args:
        runs: folder of the run directories.
        scale: how big.
        results: the folder to write to.
        html: whether to write the page, too.

    Raises:
        UserError: nothing has run, or the results cannot be written.
    """
    studies_there = evidence_of_all(runs, scale, results)
    return write_report(studies_there, scale, results, html, COLLECTIONS)


def evidence_of_all(runs: Path, scale: str, results: Path) -> list[Evidence]:
    """What there is of every study at a scale."""
    ended = EndedRuns(runs)
    return [gather(one, scale, ended, folder_of(one, scale, results)) for one in studies()]


def report_published(scale: str, out: Path) -> Report:
    """The report on the published runs of a scale, page included, drawn again from their rows.

    Raises:
        UserError: nothing is published here, or the folder cannot be written.
    """
    packed = PUBLISHED / scale / "runs.tar.xz"
    if not packed.is_file():
        raise UserError(
            f"{packed}: not there; published runs come with a checkout of the repository: "
            "run this in its folder"
        )
    runs = out / "published" / "runs"
    unpack_runs(packed, runs)
    results = out / "published"
    for one in studies():
        # What it prepared may need data that are not on this machine; all else is drawn again.
        prepared = folder_of(one, scale, PUBLISHED)
        if one.prepare is not None and prepared.is_dir():
            shutil.copytree(prepared, folder_of(one, scale, results), dirs_exist_ok=True)
    return report(runs, scale, results, html=True)


def evidence_of(
    name: str, scale: str, runs: Path, results: Path, overrides: Sequence[str] = ()
) -> list[Evidence]:
    """What there is of a study, or of those of a collection, at a scale, under overrides.

    Raises:
        UserError: there is no such study, an override is wrong, or nothing has run.
    """
    ended = EndedRuns(runs)
    wanted = select([name])
    gathered = [
        gather(one, scale, ended, folder_of(one, scale, results, overrides), overrides)
        for one in wanted
    ]
    answered = [evidence for evidence in gathered if not evidence.is_empty]
    if not answered:
        raise UserError(
            f"{name}: no finished run at scale={scale} under {runs}; "
            + "".join(f"{note}; " for note in dict.fromkeys(ended.notes))
            + f"`{command_for(name, wanted[0].lines, scale, overrides)}` makes them"
        )
    return answered


def command_for(name: str, lines: Sequence[Line], scale: str, overrides: Sequence[str]) -> str:
    """The command that runs lines of a study or collection; `reproduce` takes no overrides.

    With overrides: one for the first line and those that are told the same.
    """
    if not overrides:
        return f"bnrepro reproduce {name} --scale {scale}"
    own = lines[0].overrides
    experiments = dict.fromkeys(line.experiment for line in lines if line.overrides == own)
    choices = [f"experiment={','.join(experiments)}", f"scale={scale}"]
    return shlex.join(["bnrepro", "sweep", *choices, *own, *overrides])


def folder_of(one: Study, scale: str, results: Path, overrides: Sequence[str] = ()) -> Path:
    """Where a study is written: what was changed does not pass for the paper's."""
    return results / scale / ",".join([one.name, *overrides]).replace("/", "_")


def _once(configs: Sequence[RunConfig], runs: Path) -> list[RunConfig]:
    """Each computation once, in the folder of runs: studies share runs."""
    by_id = {run_id(config): config for config in configs}
    return [
        config.model_copy(update={"runtime": config.runtime.model_copy(update={"runs": str(runs)})})
        for config in by_id.values()
    ]
