"""Run directories in; figures and tables out. Knows neither training nor networks."""

from collections.abc import Callable
from pathlib import Path

from bnrepro.reports.fig1 import draw_fig1

FIGURES: dict[str, Callable[[Path, str, Path, list[str]], tuple[Path, list[str]]]] = {
    "fig1": draw_fig1,
}
"""What `bnrepro figure` can draw."""

__all__ = ["FIGURES", "draw_fig1"]
