"""The log directory that TensorBoard reads: a view of run directories, never the truth.

Every run of the view has an event file and a `_Progress`: how far its rows have been written there.
Bringing the view up to date appends what is new, when the dashboard starts and while runs go on.
"""

import hashlib
import json
import math
import shutil
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bnrepro.config import RunConfig
from bnrepro.dashboard import events
from bnrepro.dashboard.figures import ACCURACY, OTHER, figure_of, figure_tags, paper_runs
from bnrepro.dashboard.hparams import HParams, end
from bnrepro.dashboard.layout import layout
from bnrepro.dashboard.names import name_sources
from bnrepro.dashboard.results import about, files, show
from bnrepro.dashboard.seeds import mean_events
from bnrepro.dashboard.sources import Mark, Source, find_sources, read_new_lines
from bnrepro.errors import UserError
from bnrepro.run_directory import Histogram, write_atomically

_FORMAT = 1  # of the events that are written; a view of another format is built anew
_STATE = "view.json"

# What a row of results shows, and the recorded tag that it is the latest value of.
_RESULTS = {
    "result/final_accuracy": ACCURACY,
    "result/final_loss": "test/loss",
    "result/train_loss": "train/loss",
}


@dataclass
class _Progress:
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


class View:
    """A log directory of the runs of one scale.

    Args:
        folder: the log directory; what is in it is kept where it is still right.
        runs: folder of the run directories.
        scale: which scale's runs.
        results: folder of finished figures and reports.
        say: told, once each, of what cannot be shown.
    """

    def __init__(
        self, folder: Path, runs: Path, scale: str, results: Path, say: Callable[[str], None]
    ) -> None:
        self.folder = folder
        self.runs = runs
        self.scale = scale
        self.results = results / scale
        self._say = say
        self._said: set[str] = set()
        self._found: dict[Path, Source | None] = {}
        self._named: dict[str, Source] = {}
        self._progress = self._load()
        self._hparams: HParams | None = None

    @property
    def going_on(self) -> int:
        """Runs that have not ended."""
        return sum(not self._progress[name].ended for name in self._named)

    def __len__(self) -> int:
        return len(self._named)

    def refresh(self) -> None:
        """Bring the view up to date with the run directories.

        Raises:
            UserError: there is no run to show.
            OSError: the view cannot be written.
        """
        self._find()
        serving = self._hparams is not None
        if self._hparams is None:
            self._hparams = HParams([source.config for source in self._named.values()])
        shown = set(self._named)
        for name, source in self._named.items():
            self._follow(name, source, self._hparams)
        for name, signature, make in [*self._means(), *self._papers(), self._report()]:
            shown.add(name)
            self._put(name, signature, make, serving)
        if not serving:
            self._forget(set(self._progress) - shown)
        self._save()

    def _find(self) -> None:
        self._found = find_sources(self.runs, self._found)
        unreadable = [path for path, source in self._found.items() if source is None]
        if unreadable:
            self._say_once(
                f"{len(unreadable)} run(s) not shown: damaged, or of another version of bnrepro "
                f"({unreadable[0]}, say)"
            )
        sources = [source for source in self._found.values() if source]
        known = {source.directory.path for source in self._named.values()}
        chosen = [
            source
            for source in sources
            if source.config.scale == self.scale and source.directory.path not in known
        ]
        self._named = name_sources(chosen, self._named)
        if not self._named:
            others = sorted({source.config.scale for source in sources})
            advice = (
                f"there are runs at scale {', '.join(others)}: use --scale {others[0]}"
                if others
                else f"`bnrepro train experiment=fig1/with_bn scale={self.scale}` makes one"
            )
            raise UserError(f"{self.runs}: no run at scale={self.scale}; {advice}")

    def _follow(self, name: str, source: Source, hparams: HParams) -> None:
        """Append what a run recorded since the last time."""
        progress = self._progress.setdefault(name, _Progress())
        file = self._file(name)
        new: list[Any] = []
        signature = _digest([repr(sorted(hparams.row(source.config).items())).encode()])
        try:
            started = source.directory.config.stat().st_mtime
            if progress.signature != signature:
                file.remove()
                progress = self._progress[name] = _Progress(signature=signature)
                new.append(events.summary(hparams.start(name, source.config, started)))
            lines = read_new_lines(source.directory.metrics, progress.rows)
        except FileNotFoundError:  # nothing recorded yet, or deleted
            lines = None
        if lines is not None:
            if lines.again:
                new.append(events.again())
                progress.histograms, progress.latest, progress.best = Mark(), {}, None
            if lines.damaged:
                self._say_once(
                    f"{source.directory.metrics}: {lines.damaged} damaged row(s) skipped"
                )
            progress.rows = lines.mark
            new += _row_events(lines.values, source.config, progress)
            new += self._histograms(source, progress)
        status = source.directory.read_status()
        if status is not None and status.state.is_final and not progress.ended:
            progress.ended = True
            new.append(events.summary(end(status.state, source.directory.status.stat().st_mtime)))
        if new:
            file.append(new)
            progress.size = file.size

    def _histograms(self, source: Source, progress: _Progress) -> Iterable[Any]:
        path = source.directory.histograms
        try:
            lines = read_new_lines(path, progress.histograms)
        except FileNotFoundError:  # probes off, or recorded before there were any
            return
        progress.histograms = lines.mark
        damaged = lines.damaged
        for values in lines.values:
            try:
                found = Histogram(**values)
                tag = f"inputs/{found.layer}"
                yield events.histogram(found.step, tag, found.low, found.high, found.counts)
            except (TypeError, ValueError):
                damaged += 1
        if damaged:
            self._say_once(f"{path}: {damaged} damaged row(s) skipped")

    def _means(self) -> Iterable["_Made"]:
        curves: dict[str, dict[int, str]] = {}
        for name, source in self._named.items():
            progress = self._progress[name]
            if progress.ended and ACCURACY in progress.latest:
                seeds = curves.setdefault(name.rpartition("/")[0], {})
                seeds.setdefault(source.config.seed, name)
        for curve, seeds in curves.items():
            if len(seeds) < 2:
                continue
            members = [self._named[name] for name in seeds.values()]
            signature = _digest(repr(self._progress[n].rows).encode() for n in seeds.values())
            metrics = [source.directory.metrics for source in members]
            figure = figure_of(members[0].config.experiment)
            yield (
                f"{curve}/mean",
                signature,
                partial(mean_events, metrics, figure),
            )

    def _papers(self) -> Iterable["_Made"]:
        configs = [source.config for source in self._named.values()]
        last = max((c.steps for c in configs if figure_of(c.experiment) == "fig1"), default=0)
        for paper in paper_runs({c.experiment for c in configs}, last, self._lengths()):
            points: dict[int, dict[str, float]] = {}
            for tag, curve in paper.curves.items():
                for step, value in zip(curve.steps, curve.values, strict=True):
                    points.setdefault(round(float(step)), {})[tag] = float(value)
            if points:
                yield (
                    paper.name,
                    _digest([repr(sorted(points.items())).encode()]),
                    partial(_point_events, points),
                )

    def _report(self) -> "_Made":
        assert self._hparams is not None
        figures = {figure_of(source.config.experiment) for source in self._named.values()}
        probed = (tag for name in self._named for tag in self._progress[name].latest)
        layers = dict.fromkeys(tag.split("/")[1] for tag in probed if tag.startswith("probe/"))
        pages = [
            self._hparams.experiment(),
            layout(sorted(figures, key=["fig1", "fig2", OTHER].index), list(layers)),
        ]
        introduction = about(self.scale, self._lengths())
        written = files(self.results)
        signature = _digest(
            [
                *(page.SerializeToString(deterministic=True) for page in pages),
                introduction.summary.SerializeToString(deterministic=True),
                *(f"{file} {file.stat().st_mtime_ns}".encode() for file in written),
            ]
        )

        def make() -> list[Any]:
            shown = []
            for file in written:
                try:
                    shown.append(show(file))
                except (OSError, ValueError) as error:
                    self._say_once(f"{file}: cannot be shown ({error})")
            return [*(events.summary(page) for page in pages), introduction, *shown]

        return "report", signature, make

    def _lengths(self) -> set[int]:
        configs = (source.config for source in self._named.values())
        return {
            config.inception_steps
            for config in configs
            if config.inception_steps and figure_of(config.experiment) == "fig2"
        }

    def _put(self, name: str, signature: str, make: Callable[[], list[Any]], serving: bool) -> None:
        """Write a run that is made as a whole, unless it is there."""
        progress = self._progress.setdefault(name, _Progress())
        if progress.signature == signature:
            return
        file = self._file(name)
        made = make()
        if serving and progress.size:
            made = [events.again(), *made]
        else:
            file.remove()
        file.append(made)
        self._progress[name] = _Progress(size=file.size, signature=signature)

    def _file(self, name: str) -> events.EventFile:
        return events.EventFile(self.folder / "runs" / name)

    def _forget(self, names: set[str]) -> None:
        for name in names:
            del self._progress[name]
            self._file(name).remove()

    def _load(self) -> dict[str, _Progress]:
        """What an earlier dashboard left, as far as it is whole."""
        try:
            state = json.loads((self.folder / _STATE).read_text(encoding="utf-8"))
            if state["format"] != _FORMAT:
                raise ValueError
            progress = {}
            for name, values in state["runs"].items():
                marks = {key: Mark(*values[key]) for key in ("rows", "histograms")}
                progress[name] = _Progress(**{**values, **marks})
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            shutil.rmtree(self.folder / "runs", ignore_errors=True)
            return {}
        for name in list(progress):
            file, size = self._file(name), progress[name].size
            if size == 0 or file.size < size:
                file.remove()
                del progress[name]
            elif file.size > size:
                file.cut_off(size)
        return progress

    def _save(self) -> None:
        state = {"format": _FORMAT, "runs": {n: asdict(p) for n, p in self._progress.items()}}
        write_atomically(self.folder / _STATE, json.dumps(state).encode())

    def _say_once(self, message: str) -> None:
        if message not in self._said:
            self._said.add(message)
            self._say(message)


_Made = tuple[str, str, Callable[[], list[Any]]]
"""A run that is made as a whole: name, signature, and how."""


def _row_events(
    rows: list[dict[str, Any]], config: RunConfig, progress: _Progress
) -> Iterable[Any]:
    """A row's values under their tags and under its figure's; then the results so far."""
    for row in rows:
        values = {
            tag: float(value)
            for tag, value in row.items()
            if tag != "step" and isinstance(value, int | float) and math.isfinite(value)
        }
        progress.latest |= values
        if ACCURACY in values:
            progress.best = max(values[ACCURACY], progress.best or 0.0)
            for tag, shown_as in figure_tags(config.experiment, list(values)).items():
                values[shown_as] = values[tag]
        yield events.scalars(row["step"], values)
    if rows:
        latest = progress.latest
        results = {tag: latest[of] for tag, of in _RESULTS.items() if of in latest}
        if progress.best is not None:
            results["result/best_accuracy"] = progress.best
        step = rows[-1]["step"]
        yield events.scalars(step, {**results, "result/steps": float(step)})


def _point_events(points: dict[int, dict[str, float]]) -> list[Any]:
    return [events.scalars(step, values) for step, values in sorted(points.items())]


def _digest(parts: Iterable[bytes]) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
