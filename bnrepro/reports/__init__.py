"""Run directories in; figures and tables out. Knows neither training nor networks."""

from collections.abc import Callable
from pathlib import Path

from bnrepro.reports.fig1 import draw_fig1
from bnrepro.reports.fig2 import draw_fig2, write_fig3
from bnrepro.reports.figures import Written
from bnrepro.reports.report import write_report

FIGURES: dict[str, Callable[[Path, str, Path, list[str]], Written]] = {
    "fig1": draw_fig1,
    "fig2": draw_fig2,
    "fig3": write_fig3,
}
"""What `bnrepro figure` makes, from runs, scale, results folder and overrides."""

__all__ = ["FIGURES", "Written", "draw_fig1", "draw_fig2", "write_fig3", "write_report"]
