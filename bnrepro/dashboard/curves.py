"""The curves of the view: means over seeds or single runs, and which of them there is room for."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from bnrepro.dashboard.charts import OTHER, StudyCharts
from bnrepro.dashboard.sources import Source

MOST_RUNS = 40
"""TensorBoard chooses no run at all where there are more."""


class Curve(NamedTuple):
    """Runs of one recipe.

    Attributes:
        mean: name of their mean in the view; empty: there is none.
        singles: names of the runs that are shown by themselves.
        members: the runs of the mean, the first seed first; all of them where there is none.
    """

    mean: str
    singles: list[str]
    members: list[Source]

    @property
    def recipe(self) -> str:
        """The same for all of them."""
        return self.members[0].recipe

    @property
    def started(self) -> float:
        """When the first of them was, in seconds since 1970."""
        return min(source.started for source in self.members)

    @property
    def is_there(self) -> bool:
        """Whether none of them was deleted since."""
        return all(source.directory.metrics.exists() for source in self.members)

    @property
    def shown(self) -> list[str]:
        """Names in the view."""
        return [*([self.mean] if self.mean else []), *self.singles]


def group_runs(
    named: Mapping[str, Source], ended: Collection[str], alone: Collection[str], seeds: bool
) -> list[Curve]:
    """The curves, the newest first. Two ended seeds make a mean, which stands for them.

    Args:
        named: every run by its name, ``<curve>/seed<n>``.
        ended: names of those that have ended.
        alone: names of those that are shown by themselves already.
        seeds: whether all are.
    """
    by_curve: dict[str, dict[str, Source]] = {}
    for name, source in named.items():
        by_curve.setdefault(name.rpartition("/")[0], {})[name] = source
    curves = []
    for curve, runs in by_curve.items():
        by_seed = {source.config.seed: source for name, source in runs.items() if name in ended}
        averaged = len(by_seed) > 1
        singles = [
            name for name in runs if seeds or not averaged or name not in ended or name in alone
        ]
        members = [by_seed[seed] for seed in sorted(by_seed)] if averaged else [*runs.values()]
        curves.append(Curve(f"{curve}/mean" if averaged else "", singles, members))
    return sorted(curves, key=lambda curve: -curve.started)


class Choice:
    """Takes up the runs of whole studies, as long as there is room; then the newest of the others.

    What was taken up stays.

    Args:
        studies: names, the most wanted first; ``other`` stands for the runs of no study.
        most: runs of the view that there is room for; None: no limit.

    Attributes:
        recipes: of the runs that were taken up.
        shown: the studies that were.
        left_out: the studies that were not, or not whole.
    """

    def __init__(self, studies: Sequence[str], most: int | None) -> None:
        self._studies = studies
        self._most = most
        self.recipes: set[str] = set()
        self.shown: set[str] = set()
        self.left_out: list[str] = []
        self._names = {"report"}

    def update(self, runs: Mapping[str, Sequence[str]], charts: StudyCharts) -> None:
        """Take up what fits.

        Args:
            runs: names in the view of each recipe's runs; newest recipe first.
            charts: where all studies show them.
        """
        self.left_out = []
        for study in self._studies:
            recipes = [recipe for recipe in runs if study in charts.names(recipe)]
            # A study that alone is too large is shown in part.
            one_by_one = study == OTHER or not self.recipes
            for block in [[recipe] for recipe in recipes] if one_by_one else [recipes]:
                names = {name for recipe in block for name in runs[recipe]}
                names |= self._names | charts.only([study]).paper_names(block)
                if self._most is None or len(names) <= self._most:
                    self.recipes.update(block)
                    self.shown.add(study)
                    self._names = names
                elif study not in self.left_out:
                    self.left_out.append(study)
