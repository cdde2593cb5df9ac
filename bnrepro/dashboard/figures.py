"""The paper's figures in the view: which runs and which of the paper's curves belong to each.

A chart of TensorBoard shows one tag of every run, so each figure has tags of its own, such as
``fig2/accuracy``: no other figure's runs come into its charts.
"""

from typing import NamedTuple

import numpy as np

from bnrepro.paper import Curve, paper_curve
from bnrepro.reports.fig1 import NETWORKS
from bnrepro.reports.fig2 import MODELS
from bnrepro.reports.inference_statistics import NETWORKS as STATISTICS_NETWORKS

ACCURACY = "test/accuracy"
MOVING = "test/moving/accuracy"
PERCENTILES = ("p15", "p50", "p85")
PAPER_INCEPTION_STEPS = 31.0e6
"""What a run's ``inception_steps`` stand for."""


class Line(NamedTuple):
    """An experiment of a figure.

    Attributes:
        figure: ``fig1``, ``fig2`` or ``statistics``.
        label: as the paper names it.
        curve: the paper's digitized accuracy; None: the paper shows none.
        panel: of Figure 1, ``fig1b`` or ``fig1c``: the percentiles of a sigmoid's input.
    """

    figure: str
    label: str
    curve: str | None
    panel: str | None = None


LINES = (
    {
        network.experiment: Line("fig1", network.label, network.accuracy, network.panel)
        for network in NETWORKS
    }
    | {model.experiment: Line("fig2", model.label, model.curve) for model in MODELS}
    | {
        network.experiment: Line("statistics", f"trained in {network.batch_size}s", None)
        for network in STATISTICS_NETWORKS
    }
)
"""The experiments of the figures."""

OTHER = "other"
"""Stands for the figure of experiments that no figure shows."""


def figure_of(experiment: str) -> str:
    """``fig1``, ``fig2``, ``statistics`` or ``other``."""
    return LINES[experiment].figure if experiment in LINES else OTHER


def figure_tags(experiment: str, recorded: list[str]) -> dict[str, str]:
    """The figure's tag for each recorded tag that the figure shows.

    Args:
        experiment: the run's.
        recorded: the tags of a row of an evaluation, layers in the network's order.
    """
    tags = {ACCURACY: f"{figure_of(experiment)}/accuracy"}
    if MOVING in recorded:
        tags[MOVING] = f"{figure_of(experiment)}/moving"
    line = LINES.get(experiment)
    layers = [tag.split("/")[1] for tag in recorded if tag.startswith("probe/")]
    if line is not None and line.panel and layers:
        for percentile in PERCENTILES:
            tags[f"probe/{layers[-1]}/unit/{percentile}"] = f"{line.panel}/{percentile}"
    return tags


class PaperRun(NamedTuple):
    """A network of the paper, as a run.

    Attributes:
        name: in the view.
        curves: by tag, on the step axis of our runs.
    """

    name: str
    curves: dict[str, Curve]


def paper_runs(experiments: set[str], last_step: float, lengths: set[int]) -> list[PaperRun]:
    """The paper's curves of the figures of some experiments.

    Figure 1 counts steps as we do, and is cut off where our runs end. Figure 2's steps are scaled
    by T / 31.0e6, where T is our runs' ``inception_steps``.

    Args:
        experiments: of our runs.
        last_step: of our runs of Figure 1.
        lengths: the values of T among our runs of Figure 2.
    """
    figures = {figure_of(experiment) for experiment in experiments}
    runs = []
    for line in LINES.values():
        if line.figure not in figures or line.curve is None:
            continue
        if line.figure == "fig1":
            accuracy = paper_curve(line.curve)
            curves = {ACCURACY: accuracy, "fig1/accuracy": accuracy, **_percentiles(line.panel)}
            cut = {tag: _cut_off(curve, last_step) for tag, curve in curves.items()}
            runs.append(PaperRun(f"paper/{line.label}", cut))
        for length in sorted(lengths) if line.figure == "fig2" else ():
            curve = paper_curve(line.curve)
            scaled = Curve(curve.steps * (length / PAPER_INCEPTION_STEPS), curve.values)
            name = f"paper/{line.label}" + (f", T={length}" if len(lengths) > 1 else "")
            runs.append(PaperRun(name, {ACCURACY: scaled, "fig2/accuracy": scaled}))
    return runs


def _percentiles(panel: str | None) -> dict[str, Curve]:
    """The paper's percentiles, all at the steps of its median: a margin chart wants them so."""
    steps = paper_curve(f"{panel}_p50").steps
    drawn = {name: paper_curve(f"{panel}_{name}") for name in PERCENTILES}
    return {
        f"{panel}/{name}": Curve(steps, np.interp(steps, curve.steps, curve.values))
        for name, curve in drawn.items()
    }


def _cut_off(curve: Curve, last_step: float) -> Curve:
    shown = curve.steps <= last_step
    return Curve(curve.steps[shown], curve.values[shown])
