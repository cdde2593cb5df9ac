"""What the figures have in common: their runs, their folder, their set-up, their lines."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bnrepro.config import preset
from bnrepro.errors import UserError
from bnrepro.reports.runs import FinishedRun, ended_runs
from bnrepro.reports.wording import still_rising
from bnrepro.statistics import INTERVAL, band_over_runs, late_gain


class Runs(dict[str, list[FinishedRun]]):
    """The ended runs of each experiment of a figure, by seed.

    Attributes:
        notes: which runs and rows of theirs were left out.
    """

    notes: tuple[str, ...] = ()


class NothingRunError(UserError):
    """A figure has no ended run at all.

    Attributes:
        experiments: that it would show.
    """

    def __init__(self, message: str, experiments: list[str]) -> None:
        super().__init__(message)
        self.experiments = experiments


class Written(NamedTuple):
    """What drawing a figure left.

    Attributes:
        folder: that holds its files.
        missing: its experiments that have no finished run.
        notes: which runs and rows were left out.
        remarks: sentences on how to take its numbers.
    """

    folder: Path
    missing: list[str]
    notes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


# No identifiers drawn at random: the same runs give the same bytes.
STYLE: Any = {"svg.hashsalt": "bnrepro", "font.size": 9}


def collect(
    figure: str, experiments: list[str], runs: Path, scale: str, overrides: list[str]
) -> Runs:
    """The ended runs of a figure's experiments.

    Args:
        figure: its name, for the message.
        experiments: the presets that it shows.
        runs: folder of the run directories.
        scale: which scale's runs.
        overrides: what else the runs were told, besides their experiment, scale and seed.

    Raises:
        NothingRunError: there is no ended run at all.
        UserError: an unknown scale, or an override is wrong.
    """
    ended = {name: ended_runs(runs, name, scale, *overrides) for name in experiments}
    if not any(found.runs for found in ended.values()):
        preset(experiments[-1], scale, *overrides)  # first of all, what was asked for may be wrong
        raise NothingRunError(
            f"{figure}: no finished run at scale={scale} under {runs}; run "
            f"`bnrepro train experiment={experiments[-1]} scale={scale}` first",
            experiments,
        )
    found = Runs({name: of_one.runs for name, of_one in ended.items()})
    found.notes = tuple(note for of_one in ended.values() for note in of_one.notes)
    return found


def folder_of(figure: str, results: Path, scale: str, overrides: list[str]) -> Path:
    """Where a figure is written: what was changed does not pass for the paper's.

    Raises:
        UserError: it cannot be made.
    """
    folder = results / scale / ",".join([figure, *overrides]).replace("/", "_")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror})") from error
    return folder


def bands_table(found: Runs, tags: dict[str, str]) -> pd.DataFrame:
    """A row a step: experiment, quantity, step, mean, low, high, n.

    Args:
        found: the runs.
        tags: the recorded tag of each quantity.
    """
    parts = []
    for experiment, ended in found.items():
        for name, tag in tags.items() if ended else ():
            steps, over_seeds = band_over_runs([run.rows[tag] for run in ended])
            columns = {"experiment": experiment, "quantity": name, "step": steps.astype(int)}
            parts.append(pd.DataFrame({**columns, **over_seeds._asdict()}))
    return pd.concat(parts, ignore_index=True)


def curves_table(found: Runs, tags: dict[str, str]) -> pd.DataFrame:
    """A row an evaluation of a seed: experiment, seed, step and the recorded values."""
    shown = [(name, run) for name, ended in found.items() for run in ended]
    table = pd.concat(
        [run.rows[list(tags.values())] for _, run in shown],
        keys=[(name, run.config.seed) for name, run in shown],
        names=["experiment", "seed"],
    )
    table = table.dropna(how="all").reset_index()
    return table.set_axis(["experiment", "seed", "step", *tags], axis="columns")


def write_csv(table: pd.DataFrame, file: Path) -> None:
    """Six significant digits, no index."""
    table.to_csv(file, index=False, float_format="%.6g")


def write_setup(found: Runs, paper: str, file: Path) -> None:
    """What ran, on what, how many seeds.

    Args:
        found: the runs.
        paper: what to know of the paper's curves.
        file: JSON.
    """
    content: dict[str, Any] = {
        "interval": INTERVAL,
        "paper": paper,
        "experiments": {name: _experiment_setup(ended) for name, ended in found.items() if ended},
    }
    if found.notes:
        content["left_out"] = found.notes
    file.write_text(json.dumps(content, indent=2) + "\n")


def _experiment_setup(ended: list[FinishedRun]) -> dict[str, Any]:
    provenance: list[dict[str, Any]] = []
    for run in ended:
        provenance += [entry for entry in run.provenance if entry not in provenance]
    return {
        "seeds": [run.config.seed for run in ended],
        "diverged_seeds": [run.config.seed for run in ended if run.diverged],
        "seconds": [run.seconds for run in ended],
        "config": ended[0].config.model_dump(
            mode="json", exclude={"runtime": True, "seed": True, "data": {"root"}}
        ),
        "provenance": provenance,
    }


def seeds_in_words(found: Runs) -> str:
    """How many seeds a figure's coloured lines stand for."""
    counts = sorted({len(ended) for ended in found.values() if ended})
    if counts == [1]:
        return "one seed, no interval"
    return f"mean of {' and '.join(map(str, counts))} seeds with 95 % bootstrap band"


def select(bands: pd.DataFrame, experiment: str, quantity: str) -> pd.DataFrame:
    """One curve of a `bands_table`."""
    return bands[(bands["experiment"] == experiment) & (bands["quantity"] == quantity)]


def draw_band(axes: Axes, curve: pd.DataFrame, color: str, label: str | None = None) -> None:
    """A mean and its interval."""
    axes.plot(curve["step"], curve["mean"], color=color, label=label, linewidth=1.4)
    axes.fill_between(curve["step"], curve["low"], curve["high"], color=color, alpha=0.25, lw=0)


def mark_divergence(axes: Axes, ended: list[FinishedRun], tag: str, color: str) -> None:
    """A cross where a seed's curve ends because its loss was no longer finite."""
    for run in ended:
        if run.diverged:
            curve = run.rows[tag].dropna()
            axes.plot(curve.index[-1:], curve.iloc[-1:], "x", color=color, clip_on=False)


def remarks_on(label: str, reference: list[FinishedRun], tag: str) -> list[str]:
    """What is to be said of a reference that speed-ups are against.

    Args:
        label: its name.
        reference: its runs; nothing is compared with one that diverged.
        tag: of the accuracy.
    """
    return still_rising(label, late_gain([run.rows[tag] for run in reference if not run.diverged]))


def written(folder: Path, found: Runs, remarks: list[str] | None = None) -> Written:
    """The folder, the experiments without a finished run, what was left out, and the remarks."""
    missing = [name for name, ended in found.items() if not ended]
    return Written(folder, missing, found.notes, tuple(remarks or ()))


def save(figure: Figure, folder: Path, name: str) -> None:
    """As SVG and PNG, without dates."""
    with mpl.rc_context(STYLE):
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # it is laid out; once is enough for both
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
        figure.savefig(folder / f"{name}.png", dpi=120)
