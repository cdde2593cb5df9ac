"""The log directory that TensorBoard reads: a view of run directories, never the truth.

Every run of the view has an event file and a `Progress`: how far its rows have been written there.
Bringing the view up to date appends what is new, when the dashboard starts and while runs go on.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bnrepro.dashboard import events
from bnrepro.dashboard.charts import OTHER, StudyCharts, find_places
from bnrepro.dashboard.curves import MOST_RUNS, Choice, Curve, group_runs
from bnrepro.dashboard.follow import Progress, digest, follow
from bnrepro.dashboard.hparams import HParams
from bnrepro.dashboard.layout import layout
from bnrepro.dashboard.names import name_sources
from bnrepro.dashboard.results import about, files, show
from bnrepro.dashboard.seeds import mean_events
from bnrepro.dashboard.sources import Mark, Source, find_sources, read_first_tags
from bnrepro.errors import UserError
from bnrepro.runs import write_atomically
from bnrepro.runs.tags import observed_layers
from bnrepro.studies.study import Study

_MOMENT = 1e-3  # seconds: the paper's curve comes behind ours
_FORMAT = 3  # of the events that are written; a view of another format is built anew
_STATE = "view.json"


@dataclass(frozen=True)
class Scope:
    """What a view shows.

    Attributes:
        runs: folder of the run directories.
        scale: which scale's runs.
        results: folder of finished figures and reports.
        studies: all of them.
        only: names of the studies whose runs are shown, ``other`` for those of none; empty: as many
            as TensorBoard shows by itself.
        seeds: show every run, too, however many there are.
    """

    runs: Path
    scale: str
    results: Path
    studies: Sequence[Study]
    only: Sequence[str] = ()
    seeds: bool = False


class View:
    """A log directory of the runs of one scale.

    Ended runs that differ in the seed alone are shown as their mean; a run that goes on, or has no
    other seed, as itself.

    Args:
        folder: the log directory; what is in it is kept where it is still right.
        scope: what it shows.
        say: told, once each, of what cannot be shown.
    """

    def __init__(self, folder: Path, scope: Scope, say: Callable[[str], None]) -> None:
        self.folder = folder
        self._scope = scope
        self._say = say
        self._said: set[str] = set()
        self._sources: dict[Path, Source | None] = {}
        self._named: dict[str, Source] = {}
        self._ended: set[str] = set()
        self._followed: set[str] = set()
        self._layers_of: dict[str, list[str]] = {}
        self._progress = self._load()
        self._hparams: HParams | None = None
        self._all_charts = StudyCharts({})
        self._charts = StudyCharts({})
        wanted = scope.only or [*(study.name for study in scope.studies), OTHER]
        self._choice = Choice(wanted, None if scope.seeds else MOST_RUNS)

    @property
    def going_on(self) -> int:
        """Runs that have not ended."""
        return len(self._named) - len(self._ended)

    @property
    def left_out(self) -> list[str]:
        """Names of the studies for which there is no room, or not for all their runs."""
        return self._choice.left_out

    def __len__(self) -> int:
        return len(self._named)

    def refresh(self) -> None:
        """Bring the view up to date with the run directories.

        Raises:
            UserError: there is no run to show.
            OSError: the view cannot be written.
        """
        scope = self._scope
        self._find()
        serving = self._hparams is not None
        curves = group_runs(self._named, self._ended, self._followed, scope.seeds)
        by_recipe: dict[str, list[str]] = {}
        for curve in curves:
            by_recipe.setdefault(curve.recipe, []).extend(curve.shown)
        self._choice.update(by_recipe, self._all_charts)
        self._charts = self._all_charts.only(self._choice.shown)
        curves = [curve for curve in curves if curve.recipe in self._choice.recipes]
        if not curves:
            raise UserError(
                f"{scope.runs}: no run of {', '.join(scope.only)} at scale={scope.scale}; "
                f"`bnrepro dashboard --scale {scope.scale}` shows what there is"
            )
        if self._hparams is None:
            self._hparams = HParams([curve.members[0].config for curve in curves])
        shown = set()
        for curve in curves:
            for name in curve.singles:
                shown.add(name)
                self._follow(name, self._hparams, serving)
        means = [self._mean(c, self._hparams) for c in curves if c.mean and c.is_there]
        for name, started, signature, make in [*means, *self._papers(curves), self._report(curves)]:
            shown.add(name)
            self._put(name, started, signature, make, serving)
        if not serving:
            self._forget_all_but(shown)
        self._save()

    def _find(self) -> None:
        self._sources = find_sources(self._scope.runs, self._sources)
        unreadable = [path for path, source in self._sources.items() if source is None]
        if unreadable:
            self._say_once(
                f"{len(unreadable)} run(s) not shown: damaged, or of another version of bnrepro "
                f"({unreadable[0]}, say)"
            )
        sources = [source for source in self._sources.values() if source]
        known = {source.directory.path for source in self._named.values()}
        new = [
            source
            for source in sources
            if source.config.scale == self._scope.scale and source.directory.path not in known
        ]
        if new:
            recipes = {source.recipe for source in (*self._named.values(), *new)}
            self._all_charts = find_places(self._scope.studies, self._scope.scale, recipes)
            self._named = name_sources(new, self._named, self._all_charts.places)
        if not self._named:
            others = sorted({source.config.scale for source in sources})
            advice = (
                f"there are runs at scale {', '.join(others)}: use --scale {others[0]}"
                if others
                else f"`bnrepro train experiment=fig1/with_bn scale={self._scope.scale}` makes one"
            )
            raise UserError(f"{self._scope.runs}: no run at scale={self._scope.scale}; {advice}")
        for name in self._named.keys() - self._ended:
            status = self._named[name].directory.read_status()
            if status is not None and status.state.is_final:
                self._ended.add(name)

    def _follow(self, name: str, hparams: HParams, serving: bool) -> None:
        """Append what a run recorded since the last time."""
        source = self._named[name]
        before = self._progress.get(name, Progress())
        new, progress = follow(name, source, hparams, self._charts, before, self._say_once)
        if new:
            size = before.size
            if progress.signature != before.signature:
                new, size = ([events.again(), *new], size) if serving and size else (new, 0)
            progress.size = self._file(name, source.started).append(new, size)
        self._progress[name] = progress
        self._followed.add(name)

    def _mean(self, curve: Curve, hparams: HParams) -> "_Made":
        first = curve.members[0]
        parts = [repr([*hparams.row(first.config).items(), self._charts.names(first.recipe)])]
        for source in curve.members:
            recorded = source.directory.metrics.stat()
            parts.append(f"{source.directory.path} {recorded.st_size} {recorded.st_mtime_ns}")
        make = partial(
            mean_events, curve.mean, curve.members, hparams, self._charts, self._say_once
        )
        return curve.mean, curve.started, digest(part.encode() for part in parts), make

    def _papers(self, curves: Sequence[Curve]) -> Iterable["_Made"]:
        configs = {curve.recipe: curve.members[0].config for curve in curves}
        recipes = {recipe: (of.steps, of.inception_steps) for recipe, of in configs.items()}
        started = {
            name: curve.started + _MOMENT
            for curve in curves
            for name in self._charts.paper_names([curve.recipe])
        }
        for name, of_network in self._charts.paper_runs(recipes).items():
            points: dict[int, dict[str, float]] = {}
            for tag, curve in of_network.items():
                for step, value in zip(curve.steps, curve.values, strict=True):
                    points.setdefault(round(float(step)), {})[tag] = float(value)
            if points:
                yield (
                    name,
                    started[name],
                    digest([repr(sorted(points.items())).encode()]),
                    partial(_point_events, points),
                )

    def _report(self, curves: Sequence[Curve]) -> "_Made":
        assert self._hparams is not None
        names = {name for curve in curves for name in self._charts.names(curve.recipe)}
        means = [curve for curve in curves if curve.mean]
        averaged = {name for curve in means for name in self._charts.names(curve.recipe)}
        studies = [study for study in self._scope.studies if study.name in names]
        layers = [layer for curve in curves for layer in self._layers(curve)]
        pages = [
            self._hparams.experiment(),
            layout(studies, OTHER in names, averaged, [*dict.fromkeys(layers)]),
        ]
        lengths = {curve.members[0].config.inception_steps for curve in curves}
        introduction = about(self._scope.scale, {length for length in lengths if length})
        written = files(self._scope.results / self._scope.scale)
        signature = digest(
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

        return "report", 0.0, signature, make

    def _layers(self, curve: Curve) -> list[str]:
        """Whose inputs its runs record."""
        if not self._layers_of.get(curve.recipe):
            tags = read_first_tags(curve.members[0].directory.metrics)
            self._layers_of[curve.recipe] = observed_layers(tags)
        return self._layers_of[curve.recipe]

    def _put(
        self,
        name: str,
        started: float,
        signature: str,
        make: Callable[[], list[Any]],
        serving: bool,
    ) -> None:
        """Write a run that is made as a whole, unless it is there."""
        progress = self._progress.setdefault(name, Progress())
        if progress.signature == signature:
            return
        new, size = make(), 0
        if serving and progress.size:
            new, size = [events.again(), *new], progress.size
        size = self._file(name, started).append(new, size)
        self._progress[name] = Progress(size=size, signature=signature)

    def _file(self, name: str, started: float = 0.0) -> events.EventFile:
        return events.EventFile(self.folder / "runs" / name, started)

    def _forget_all_but(self, shown: set[str]) -> None:
        """Remove what earlier dashboards showed and this one does not."""
        self._progress = {name: self._progress[name] for name in shown}
        current = {self._file(name).path for name in shown}
        for file in (self.folder / "runs").rglob("*tfevents*"):
            if file not in current:
                file.unlink()

    def _load(self) -> dict[str, Progress]:
        """What an earlier dashboard left, as far as it is whole."""
        try:
            state = json.loads((self.folder / _STATE).read_text(encoding="utf-8"))
            if state["format"] != _FORMAT:
                raise ValueError
            progress = {}
            for name, values in state["runs"].items():
                marks = {key: Mark(*values[key]) for key in ("rows", "histograms")}
                progress[name] = Progress(**{**values, **marks})
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            shutil.rmtree(self.folder / "runs", ignore_errors=True)
            return {}
        for name in list(progress):
            if not 0 < progress[name].size <= self._file(name).size:
                del progress[name]
        return progress

    def _save(self) -> None:
        state = {"format": _FORMAT, "runs": {n: asdict(p) for n, p in self._progress.items()}}
        write_atomically(self.folder / _STATE, json.dumps(state).encode())

    def _say_once(self, message: str) -> None:
        if message not in self._said:
            self._said.add(message)
            self._say(message)


_Made = tuple[str, float, str, Callable[[], list[Any]]]
"""A run that is made as a whole: name, when it was started, signature, and how."""


def _point_events(points: dict[int, dict[str, float]]) -> list[Any]:
    return [events.scalars(step, values) for step, values in sorted(points.items())]
