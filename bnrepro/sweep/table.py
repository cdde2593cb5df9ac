"""How runs stand: read off their directories, shown as a table."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from rich.markup import escape
from rich.table import Table

from bnrepro.config import RunConfig, differences, preset, read_stored
from bnrepro.errors import UserError
from bnrepro.runs import RunDirectory, State, Status, find_runs, last_values
from bnrepro.runs.tags import TEST_ACCURACY

WAITING = "waiting"
"""The state of a run of which there is nothing yet."""


class RunRow(NamedTuple):
    """How one run stands.

    Attributes:
        experiment: its preset.
        scale: how big.
        seed: of the run.
        changed: what it was told besides, as key=value.
        state: waiting, or a `State`; one that was cut off counts as preempted. At the end of a
            sweep also deleted: its folder was, while it was going.
        step: updates done.
        steps: updates in all.
        steps_per_second: over the last stretch; 0: not known.
        accuracy: last held-out accuracy, a fraction.
        seconds_left: by that speed; None: not known.
        message: what happened, for states that say so.
        directory: of the run.
    """

    experiment: str
    scale: str
    seed: int
    changed: str
    state: str
    step: int
    steps: int
    steps_per_second: float
    accuracy: float | None
    seconds_left: float | None
    message: str
    directory: str

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do unless it is asked for."""
        return self.state in (State.FINISHED, State.DIVERGED, State.FAILED)


def observe(config: RunConfig, directory: RunDirectory) -> RunRow:
    """How a run stands now, whether it has been started or not."""
    status = directory.look()
    last = last_values(directory.metrics)
    step = max(int(last.get("step", 0)), status.step if status else 0)
    state = _state(directory, status)
    speed = status.steps_per_second if status and state == State.RUNNING else 0.0
    return RunRow(
        experiment=config.experiment,
        scale=config.scale,
        seed=config.seed,
        changed=" ".join(_changed(config)),
        state=state,
        step=step,
        steps=config.steps,
        steps_per_second=speed,
        accuracy=last.get(TEST_ACCURACY),
        seconds_left=(config.steps - step) / speed if speed else None,
        message=status.message if status else "",
        directory=str(directory.path),
    )


def rows_of(runs: Path) -> list[RunRow]:
    """How every run under a folder stands; what another version wrote is left out."""
    rows = []
    for directory in find_runs(runs):
        stored = read_stored(directory.config)
        if stored is not None:
            rows.append(observe(stored[0], directory))
    return rows


def table(rows: list[RunRow]) -> Table:
    """A line a run, and one for the whole. What all runs share is left out."""
    shown = Table(
        box=None,
        header_style="bold",
        pad_edge=False,
        caption=_summary(rows),
        caption_justify="left",
        caption_style="",
    )
    cells = {
        "experiment": [escape(row.experiment) for row in rows],
        "scale": [row.scale for row in rows],
        "seed": [str(row.seed) for row in rows],
        "changed": [escape(row.changed) for row in rows],
        "state": [str(row.state) for row in rows],
        "step": [f"{row.step:,}/{row.steps:,}" for row in rows],
        "steps/s": [f"{row.steps_per_second:,.0f}" if row.steps_per_second else "" for row in rows],
        "accuracy": ["" if row.accuracy is None else f"{row.accuracy:.4f}" for row in rows],
        "ETA": ["" if row.seconds_left is None else duration(row.seconds_left) for row in rows],
    }
    for name in ("scale", "changed"):
        if len({*cells[name]}) == 1:
            del cells[name]
    for name in cells:
        is_text = name in ("experiment", "scale", "changed", "state")
        folds = name == "changed"
        shown.add_column(
            name,
            justify="left" if is_text else "right",
            no_wrap=not folds,
            overflow="fold" if folds else "ellipsis",
        )
    for line in zip(*cells.values(), strict=True):
        shown.add_row(*line)
    return shown


def seconds_left(rows: Iterable[RunRow]) -> float | None:
    """Of the whole: the steps that are left at the speed of the runs that are going."""
    rows = list(rows)
    speed = sum(row.steps_per_second for row in rows)
    steps = sum(row.steps - row.step for row in rows if not row.is_over)
    return steps / speed if speed else None


def duration(seconds: float) -> str:
    """Hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _summary(rows: list[RunRow]) -> str:
    """One line for the whole: how many are over, in which states, and the time left."""
    states = sorted({row.state for row in rows})
    counts = ", ".join(f"{sum(row.state == state for row in rows)} {state}" for state in states)
    left = seconds_left(rows)
    eta = "" if left is None else f", ETA {duration(left)}"
    return f"{sum(row.is_over for row in rows)} of {len(rows)} done: {counts}{eta}"


def _state(directory: RunDirectory, status: Status | None) -> str:
    if status is None:
        return State.RUNNING if directory.is_locked() else WAITING
    return status.state


def _changed(config: RunConfig) -> list[str]:
    try:
        changes = differences(config, preset(config.experiment, config.scale))
    except UserError:
        return []  # the preset is no longer there
    return [f"{key}={value}" for key, (value, _) in changes.items()]
