"""The level that a panel's curves are held against, and where they first reach it."""

from typing import NamedTuple

import numpy as np

from bnrepro.measure.curves import Points, running_mean, steps_to_reach
from bnrepro.studies.evidence import Evidence
from bnrepro.studies.study import Curves, PaperCurves


class Target(NamedTuple):
    """A level, and the places of the axis where curves first reach it.

    Attributes:
        label: what the level is.
        level: accuracy.
        places: by the line's label; lines that never reach it are absent.
    """

    label: str
    level: float
    places: dict[str, float]


REACHED = "first reaches it"
"""What the mark at such a place means."""


def target_here(panel: Curves, evidence: Evidence) -> Target | None:
    """The best level of the reference's mean curve; None: the panel wants none, or it has not run.

    Levels are running means, as in the numbers of the tables.
    """
    reference = evidence.study.reference
    if not (panel.target and evidence.references):
        return None
    levels = {}
    for line in evidence.study.lines:
        band = evidence.band(line.label, panel.series[0])
        if len(band):
            points = Points(band["step"].to_numpy(float), band["mean"].to_numpy())
            levels[line.label] = running_mean(points)
    best = float(levels[reference].values.max())
    steps = {label: steps_to_reach(level, best) for label, level in levels.items()}
    places = {
        label: step * evidence.per_step(label, panel.x)
        for label, step in steps.items()
        if np.isfinite(step)
    }
    return Target(f"best of {reference}", best, places)


def target_of_paper(panel: PaperCurves, evidence: Evidence) -> Target:
    """The level that the paper's table is about, and the steps that it gives."""
    steps = {
        line.label: line.numbers.get("steps_to_match", np.nan)
        for line in evidence.study.lines
        if panel.series in line.paper
    }
    places = {label: step / panel.x_unit for label, step in steps.items() if np.isfinite(step)}
    return Target(f"best of {evidence.study.reference}", panel.target, places)
