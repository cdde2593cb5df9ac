"""Studies in the view: which runs, and which of the paper's curves, belong to which charts.

A chart of TensorBoard shows one tag of every run, so each study has tags of its own, such as
``fig2/accuracy``: no other study's runs come into its charts.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bnrepro.config import recipe_id
from bnrepro.errors import UserError
from bnrepro.measure.curves import Points
from bnrepro.paper import paper_curve
from bnrepro.runs.tags import TEST_ACCURACY, observed_layers
from bnrepro.studies.evidence import line_config
from bnrepro.studies.study import ACCURACY, Curves, Line, Series, Study

PAPER_INCEPTION_STEPS = 31.0e6
"""What a run's ``inception_steps`` stand for."""

OTHER = "other"
"""Stands for the study of runs that no study shows."""


class Place(NamedTuple):
    """A line of a study: where a run is shown.

    Attributes:
        study: the study.
        line: of it.
    """

    study: Study
    line: Line


@dataclass(frozen=True)
class StudyCharts:
    """The places of runs at one scale, found by what they compute.

    Attributes:
        places: by the recipe's id.
    """

    places: dict[str, list[Place]]

    def only(self, studies: Collection[str]) -> "StudyCharts":
        """Without the other studies."""
        places = {
            recipe: [place for place in of_recipe if place.study.name in studies]
            for recipe, of_recipe in self.places.items()
        }
        return StudyCharts({recipe: of_recipe for recipe, of_recipe in places.items() if of_recipe})

    def names(self, recipe: str) -> list[str]:
        """The studies that show a run; ``other`` where none does."""
        return [place.study.name for place in self.places.get(recipe, [])] or [OTHER]

    def tags(self, recipe: str, recorded: Sequence[str]) -> dict[str, list[str]]:
        """The studies' tags for each recorded tag that they show.

        Args:
            recipe: the run's.
            recorded: the tags of a row of an evaluation, layers in the network's order.
        """
        shown: dict[str, list[str]] = {}
        for place in self.places.get(recipe, []):
            for series in shown_series(place.study):
                tag = _resolve(series, recorded)
                if tag in recorded and not series.minus:
                    shown.setdefault(tag, []).append(chart_tag(place.study, place.line, series))
        if recipe not in self.places and TEST_ACCURACY in recorded:
            shown[TEST_ACCURACY] = [f"{OTHER}/accuracy"]
        return shown

    def paper_names(self, recipes: Collection[str]) -> set[str]:
        """What the paper's curves beside some runs are called in the view."""
        places = (place for recipe in recipes for place in self.places.get(recipe, []))
        return {_paper_name(line) for _, line in places if line.paper}

    def paper_runs(
        self, recipes: dict[str, tuple[int, int | None]]
    ) -> dict[str, dict[str, Points]]:
        """The paper's curves beside some runs.

        Steps are counted as we do and cut off where our runs end; where the paper's time is scaled,
        they are scaled by T / 31.0e6.

        Args:
            recipes: steps and ``inception_steps`` of our runs, by recipe.

        Returns:
            The curves by their tags, of each network by its name in the view.
        """
        runs: dict[str, dict[str, Points]] = {}
        for recipe, (steps, inception_steps) in recipes.items():
            for study, line in self.places.get(recipe, []):
                for series in study.series:
                    if series.name not in line.paper:
                        continue
                    curve = paper_curve(line.paper[series.name])
                    if inception_steps:
                        stretched = curve.steps * (inception_steps / PAPER_INCEPTION_STEPS)
                        curve = Points(stretched, curve.values)
                    curve = _cut_off(curve, steps)
                    tags = runs.setdefault(_paper_name(line), {})
                    tags[chart_tag(study, line, series)] = curve
                    if series == ACCURACY:
                        tags[TEST_ACCURACY] = curve
        return {name: _on_common_steps(curves) for name, curves in sorted(runs.items())}


def find_places(studies: Sequence[Study], scale: str, recipes: set[str]) -> StudyCharts:
    """Where runs of a scale are shown.

    Args:
        studies: all of them.
        scale: of the runs.
        recipes: ids of the recipes that have runs.
    """
    places: dict[str, list[Place]] = {}
    for study in studies:
        for line in study.lines:
            try:
                recipe = recipe_id(line_config(line, scale))
            except UserError:
                continue  # the line is not meant for this scale
            if recipe in recipes:
                places.setdefault(recipe, []).append(Place(study, line))
    return StudyCharts(places)


def shown_series(study: Study) -> list[Series]:
    """Those that some panel of the study shows as curves."""
    names = {name for panel in study.panels if isinstance(panel, Curves) for name in panel.series}
    names.add(ACCURACY.name)
    return [series for series in study.series if series.name in names]


def chart_tag(study: Study, line: Line, series: Series) -> str:
    """A series of a study; of one line, where a panel shows it of that line alone."""
    alone = any(
        isinstance(panel, Curves) and panel.lines == (line.label,) and series.name in panel.series
        for panel in study.panels
    )
    return f"{study.name}/{line.label}/{series.name}" if alone else f"{study.name}/{series.name}"


def interval_tags(study: str) -> tuple[str, str, str]:
    """Of the mean accuracy over seeds in a study's charts, and the ends of its interval."""
    return f"interval/{study}/mean", f"interval/{study}/low", f"interval/{study}/high"


def _paper_name(line: Line) -> str:
    return f"paper/{line.label}"


def _resolve(series: Series, recorded: Sequence[str]) -> str:
    layers = observed_layers(list(recorded))
    return series.tag.replace("{last}", layers[-1] if layers else "")


def _cut_off(curve: Points, last_step: float) -> Points:
    shown = curve.steps <= last_step
    return Points(curve.steps[shown], curve.values[shown])


def _on_common_steps(curves: dict[str, Points]) -> dict[str, Points]:
    """Percentiles of one panel at the same steps: a margin chart wants them so."""
    common: dict[str, Points] = {}
    for tag, curve in curves.items():
        group = tag.rpartition("/")[0]
        steps = next((c.steps for t, c in common.items() if t.rpartition("/")[0] == group), None)
        if steps is None or tag.count("/") < 2:
            common[tag] = curve
        elif len(curve.steps):
            common[tag] = Points(steps, np.interp(steps, curve.steps, curve.values))
    return common
