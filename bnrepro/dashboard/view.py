"""The log directory that TensorBoard reads: a view of run directories, never the truth.

Every run of the view has an event file and a `Progress`: how far its rows have been written there.
Bringing the view up to date appends what is new, when the dashboard starts and while runs go on.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from bnrepro.dashboard import events
from bnrepro.dashboard.charts import OTHER, StudyCharts, find_places
from bnrepro.dashboard.follow import Progress, digest, follow
from bnrepro.dashboard.hparams import HParams
from bnrepro.dashboard.layout import layout
from bnrepro.dashboard.names import name_sources
from bnrepro.dashboard.results import about, files, show
from bnrepro.dashboard.seeds import mean_events
from bnrepro.dashboard.sources import Mark, Source, find_sources
from bnrepro.errors import UserError
from bnrepro.runs import write_atomically
from bnrepro.runs.tags import TEST_ACCURACY, observed_layers
from bnrepro.studies.study import Study

_FORMAT = 2  # of the events that are written; a view of another format is built anew
_STATE = "view.json"


class View:
    """A log directory of the runs of one scale.

    Args:
        folder: the log directory; what is in it is kept where it is still right.
        runs: folder of the run directories.
        scale: which scale's runs.
        results: folder of finished figures and reports.
        studies: that have charts of their own.
        say: told, once each, of what cannot be shown.
    """

    def __init__(
        self,
        folder: Path,
        runs: Path,
        scale: str,
        results: Path,
        studies: Sequence[Study],
        say: Callable[[str], None],
    ) -> None:
        self.folder = folder
        self.runs = runs
        self.studies = studies
        self.scale = scale
        self.results = results / scale
        self._say = say
        self._said: set[str] = set()
        self._found: dict[Path, Source | None] = {}
        self._named: dict[str, Source] = {}
        self._progress = self._load()
        self._hparams: HParams | None = None
        self._charts = StudyCharts({})
        self._recipes: set[str] = set()

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
        recipes = {source.recipe for source in self._named.values()}
        if recipes != self._recipes:
            self._charts = find_places(self.studies, self.scale, recipes)
            self._recipes = recipes
        shown = set(self._named)
        for name, source in self._named.items():
            self._follow(name, source, self._hparams)
        means = list(self._means())
        for name, signature, make in [*means, *self._papers(), self._report(means)]:
            shown.add(name)
            self._put(name, signature, make, serving)
        if not serving:
            self._forget_all_but(shown)
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
        before = self._progress.get(name, Progress())
        new, progress = follow(name, source, hparams, self._charts, before, self._say_once)
        if new:
            over = progress.signature != before.signature
            progress.size = self._file(name).append(new, 0 if over else before.size)
        self._progress[name] = progress

    def _means(self) -> Iterable["_Made"]:
        curves: dict[str, dict[int, str]] = {}
        for name, source in self._named.items():
            progress = self._progress[name]
            if progress.ended and TEST_ACCURACY in progress.latest:
                seeds = curves.setdefault(name.rpartition("/")[0], {})
                seeds.setdefault(source.config.seed, name)
        for curve, seeds in curves.items():
            if len(seeds) < 2:
                continue
            members = [self._named[name] for name in seeds.values()]
            signature = digest(repr(self._progress[n].rows).encode() for n in seeds.values())
            metrics = [source.directory.metrics for source in members]
            names = self._charts.names(members[0].recipe)
            yield f"{curve}/mean", signature, partial(mean_events, metrics, names)

    def _papers(self) -> Iterable["_Made"]:
        recipes = {
            source.recipe: (source.config.steps, source.config.inception_steps)
            for source in self._named.values()
        }
        for paper in self._charts.paper_runs(recipes):
            points: dict[int, dict[str, float]] = {}
            for tag, curve in paper.curves.items():
                for step, value in zip(curve.steps, curve.values, strict=True):
                    points.setdefault(round(float(step)), {})[tag] = float(value)
            if points:
                yield (
                    paper.name,
                    digest([repr(sorted(points.items())).encode()]),
                    partial(_point_events, points),
                )

    def _report(self, means: list["_Made"]) -> "_Made":
        assert self._hparams is not None
        names = [name for recipe in self._recipes for name in self._charts.names(recipe)]
        studies = [study for study in self.studies if study.name in names]
        recipe_of = {name.rpartition("/")[0]: s.recipe for name, s in self._named.items()}
        averaged = {
            name
            for mean, _, _ in means
            for name in self._charts.names(recipe_of[mean.rpartition("/")[0]])
        }
        tags = (tag for name in self._named for tag in self._progress[name].latest)
        layers = observed_layers(list(tags))
        pages = [
            self._hparams.experiment(),
            layout(studies, OTHER in names, averaged, layers),
        ]
        introduction = about(self.scale, self._lengths())
        written = files(self.results)
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

        return "report", signature, make

    def _lengths(self) -> set[int]:
        lengths = {source.config.inception_steps for source in self._named.values()}
        return {length for length in lengths if length}

    def _put(self, name: str, signature: str, make: Callable[[], list[Any]], serving: bool) -> None:
        """Write a run that is made as a whole, unless it is there."""
        progress = self._progress.setdefault(name, Progress())
        if progress.signature == signature:
            return
        made, size = make(), 0
        if serving and progress.size:
            made, size = [events.again(), *made], progress.size
        size = self._file(name).append(made, size)
        self._progress[name] = Progress(size=size, signature=signature)

    def _file(self, name: str) -> events.EventFile:
        return events.EventFile(self.folder / "runs" / name)

    def _forget_all_but(self, shown: set[str]) -> None:
        """Remove what earlier dashboards showed and this one does not."""
        self._progress = {name: self._progress[name] for name in shown}
        kept = {self._file(name).path for name in shown}
        for file in (self.folder / "runs").rglob("*tfevents*"):
            if file not in kept:
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


_Made = tuple[str, str, Callable[[], list[Any]]]
"""A run that is made as a whole: name, signature, and how."""


def _point_events(points: dict[int, dict[str, float]]) -> list[Any]:
    return [events.scalars(step, values) for step, values in sorted(points.items())]
