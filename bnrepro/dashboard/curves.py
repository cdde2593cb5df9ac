"""Runs that differ in the seed alone, as the view shows them: their mean, or themselves."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from bnrepro.dashboard.sources import Source


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
