"""Run directories in; figures and tables out. Knows neither training nor networks."""

from collections.abc import Callable
from pathlib import Path

from bnrepro.reports.claims import CLAIM_EXPERIMENTS
from bnrepro.reports.fig1 import NETWORKS, draw_fig1
from bnrepro.reports.fig2 import MODELS, draw_fig2, write_fig3
from bnrepro.reports.fig4 import MEMBERS, write_fig4
from bnrepro.reports.figures import Written
from bnrepro.reports.inference_statistics import NETWORKS as STATISTICS_NETWORKS
from bnrepro.reports.inference_statistics import draw_statistics
from bnrepro.reports.report import Control, write_report

FIGURES: dict[str, Callable[[Path, str, Path, list[str]], Written]] = {
    "fig1": draw_fig1,
    "fig2": draw_fig2,
    "fig3": write_fig3,
    "fig4": write_fig4,
    "statistics": draw_statistics,
}
"""What `bnrepro figure` makes, from runs, scale, results folder and overrides."""

CONTROLS = (Control("fig2", ("model.init=he",)), Control("fig3", ("model.init=he",)))
"""Figures that the report shows once more where they have run so: under He's initial weights."""

EXPERIMENTS: dict[str, tuple[str, ...]] = {
    "fig1": tuple(network.experiment for network in NETWORKS),
    "fig2": tuple(model.experiment for model in MODELS),
    "fig3": tuple(model.experiment for model in MODELS),
    "fig4": MEMBERS,
    "statistics": tuple(network.experiment for network in STATISTICS_NETWORKS),
    "claims": CLAIM_EXPERIMENTS,
}
"""The experiments that each figure, and the claims, are made from."""

__all__ = [
    "EXPERIMENTS",
    "FIGURES",
    "Written",
    "draw_fig1",
    "draw_fig2",
    "draw_statistics",
    "write_fig3",
    "write_fig4",
    "write_report",
]
