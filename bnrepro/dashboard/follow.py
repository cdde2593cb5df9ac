"""One run of the view that grows with its run directory."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bnrepro.dashboard import events
from bnrepro.dashboard.charts import StudyCharts
from bnrepro.dashboard.hparams import HParams, end
from bnrepro.dashboard.sources import Mark, Source, is_value, read_new_lines
from bnrepro.runs import Histogram
from bnrepro.runs.tags import TEST_ACCURACY, TEST_LOSS, TRAIN_LOSS

# What a row of results shows, and the recorded tag that it is the latest value of.
RESULTS = {
    "result/final_accuracy": TEST_ACCURACY,
    "result/final_loss": TEST_LOSS,
    "result/train_loss": TRAIN_LOSS,
}


@dataclass
class Progress:
    """What is in the event file of one run of the view.

    Attributes:
        size: its bytes.
        signature: of its content, or of its head where rows follow.
        rows: read of metrics.jsonl.
        histograms: read of histograms.jsonl.
        latest: the last value of each tag.
        best: accuracy so far.
        ended: whether the run had ended.
    """

    size: int = 0
    signature: str = ""
    rows: Mark = field(default_factory=Mark)
    histograms: Mark = field(default_factory=Mark)
    latest: dict[str, float] = field(default_factory=dict)
    best: float | None = None
    ended: bool = False


def follow(
    name: str,
    source: Source,
    hparams: HParams,
    charts: StudyCharts,
    progress: Progress,
    say: Callable[[str], None],
) -> tuple[list[Any], Progress]:
    """What a run recorded since the last time, as events.

    Args:
        name: of the run in the view.
        source: its run directory.
        hparams: the table that it has a row of.
        charts: where it is shown.
        progress: what its event file holds.
        say: told of damaged rows.

    Returns:
        The events, and the progress when they are written. A new signature: the file starts over.
    """
    new: list[Any] = []
    progress = replace(progress, latest=dict(progress.latest))
    head = sorted(hparams.row(source.config).items()), charts.names(source.recipe)
    signature = digest([repr(head).encode()])
    try:
        if progress.signature != signature:
            progress = Progress(signature=signature)
            new.append(events.summary(hparams.start(name, source.config, source.started)))
        lines = read_new_lines(source.directory.metrics, progress.rows)
    except FileNotFoundError:  # nothing recorded yet, or deleted
        return new, progress
    if lines.again:
        new.append(events.again())
        progress = Progress(signature=signature)
    say_damaged(source.directory.metrics, lines.damaged, say)
    progress.rows = lines.mark
    new += _row_events(lines.values, source.recipe, charts, progress)
    new += histogram_events(source, progress, say)
    status = source.directory.read_status()
    if status is not None and status.state.is_final and not progress.ended:
        progress.ended = True
        new.append(events.summary(end(status.state, source.directory.status.stat().st_mtime)))
    return new, progress


def _row_events(
    rows: list[dict[str, Any]], recipe: str, charts: StudyCharts, progress: Progress
) -> Iterable[Any]:
    """A row's values under their tags and under its studies'; then the results so far."""
    for row in rows:
        values = {
            tag: float(value) for tag, value in row.items() if tag != "step" and is_value(value)
        }
        progress.latest |= values
        if TEST_ACCURACY in values:
            progress.best = max(values[TEST_ACCURACY], progress.best or 0.0)
        for tag, names in charts.tags(recipe, list(values)).items():
            values |= dict.fromkeys(names, values[tag])
        yield events.scalars(row["step"], values)
    if rows:
        latest = progress.latest
        results = {tag: latest[of] for tag, of in RESULTS.items() if of in latest}
        if progress.best is not None:
            results["result/best_accuracy"] = progress.best
        step = rows[-1]["step"]
        yield events.scalars(step, {**results, "result/steps": float(step)})


def histogram_events(
    source: Source, progress: Progress, say: Callable[[str], None]
) -> Iterable[Any]:
    """The histograms that a run recorded since the last time."""
    path = source.directory.histograms
    try:
        lines = read_new_lines(path, progress.histograms)
    except FileNotFoundError:  # probes off, or recorded before there were any
        return
    progress.histograms = lines.mark
    damaged = lines.damaged
    for values in lines.values:
        try:
            histogram = Histogram(**values)
            tag = f"inputs/{histogram.layer}"
            yield events.histogram(
                histogram.step, tag, histogram.low, histogram.high, histogram.counts
            )
        except (TypeError, ValueError):
            damaged += 1
    say_damaged(path, damaged, say)


def say_damaged(path: Path, damaged: int, say: Callable[[str], None]) -> None:
    """Tell of rows of a file that could not be read, if there are any."""
    if damaged:
        say(f"{path}: {damaged} damaged row(s) skipped")


def digest(parts: Iterable[bytes]) -> str:
    """A short name for some content."""
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
