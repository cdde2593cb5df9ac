"""How runs stand: read off their directories, shown as a table."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rich.markup import escape
from rich.table import Table

from bnrepro.config import RunConfig, changes, read_stored
from bnrepro.runs import RunDirectory, State, Status, last_values
from bnrepro.runs.tags import TEST_ACCURACY

WAITING = "waiting"
"""The state of a run of which there is nothing yet."""

TEXT_COLUMNS = ("id", "experiment", "scale", "state", "changed")
"""What is set to the left."""


class RunRow(NamedTuple):
    """How one run stands.

    Attributes:
        id: its folder's name; a beginning that no other run has is enough for commands.
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

    id: str
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
    changed = changes(config) or {}
    status = directory.look()
    last = last_values(directory.metrics, ("step", TEST_ACCURACY))
    step = max(int(last.get("step", 0)), status.step if status else 0)
    state = _state(directory, status)
    speed = status.steps_per_second if status and state == State.RUNNING else 0.0
    return RunRow(
        id=directory.path.name,
        experiment=config.experiment,
        scale=config.scale,
        seed=config.seed,
        changed=" ".join(f"{key}={as_override(v)}" for key, v in changed.items()),
        state=state,
        step=step,
        steps=config.steps,
        steps_per_second=speed,
        accuracy=last.get(TEST_ACCURACY),
        seconds_left=(config.steps - step) / speed if speed else None,
        message=status.message if status else "",
        directory=str(directory.path),
    )


class ListedRun(NamedTuple):
    """A run that has a config.yaml: how it stands, and what it was told."""

    row: RunRow
    config: RunConfig


def read_runs(directories: Iterable[RunDirectory]) -> Iterator[ListedRun]:
    """How runs stand; those that another version wrote, or whose config is damaged, are left out.

    Args:
        directories: of `bnrepro.runs.find_runs`.
    """
    for directory in directories:
        stored = read_stored(directory.config)
        if stored is not None:
            yield ListedRun(observe(stored[0], directory), stored[0])


def cells(rows: Sequence[RunRow]) -> dict[str, list[str]]:
    """What is shown of each run, by column. What all runs share is left out."""
    columns = {
        "id": [row.id for row in rows],
        "experiment": [row.experiment for row in rows],
        "scale": [row.scale for row in rows],
        "seed": [str(row.seed) for row in rows],
        "state": [str(row.state) for row in rows],
        "step": [f"{row.step:,}/{row.steps:,}" for row in rows],
        "steps/s": [f"{row.steps_per_second:,.0f}" if row.steps_per_second else "" for row in rows],
        "accuracy": ["" if row.accuracy is None else f"{row.accuracy:.4f}" for row in rows],
        "ETA": ["" if row.seconds_left is None else duration(row.seconds_left) for row in rows],
        # The longest comes last, where a narrow window breaks it and nothing else.
        "changed": [row.changed for row in rows],
    }
    for name in _shared(rows):
        del columns[name]
    for name in ("steps/s", "ETA", "changed"):
        if not any(columns.get(name, ["-"])):
            del columns[name]
    return columns


def _shared(rows: Sequence[RunRow]) -> dict[str, str]:
    """What is the same for all of several runs, and so is said once."""
    if len(rows) < 2:
        return {}
    shared = {"scale": {row.scale for row in rows}, "changed": {row.changed for row in rows}}
    return {name: values.pop() for name, values in shared.items() if len(values) == 1}


def table(rows: Sequence[RunRow]) -> Table:
    """A line a run, and one for the whole; for a terminal that is drawn again and again."""
    shown = Table(
        box=None,
        header_style="bold",
        pad_edge=False,
        caption=summary(rows),
        caption_justify="left",
        caption_style="",
    )
    columns = cells(rows)
    for name in columns:
        folds = name == "changed"
        shown.add_column(
            name,
            justify="left" if name in TEXT_COLUMNS else "right",
            no_wrap=not folds,
            overflow="fold" if folds else "ellipsis",
        )
    for line in zip(*columns.values(), strict=True):
        shown.add_row(*map(escape, line))
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


def summary(rows: Sequence[RunRow]) -> str:
    """One line for the whole: how many are over, in which states, the time left, what all share."""
    states = Counter(str(row.state) for row in rows)
    counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    left = seconds_left(rows)
    eta = "" if left is None else f", ETA {duration(left)}"
    shared = " ".join(filter(None, _shared(rows).values()))
    common = f"; all: {shared}" if shared else ""
    return f"{sum(row.is_over for row in rows)} of {len(rows)} done: {counts}{eta}{common}"


def as_override(value: object) -> str:
    """A value as it is written in an override."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case list() | tuple():
            return f"[{','.join(map(as_override, value))}]"
        case _:
            return str(value)


def _state(directory: RunDirectory, status: Status | None) -> str:
    if status is None:
        return State.RUNNING if directory.is_locked() else WAITING
    return status.state
