"""A study's picture, by matplotlib: a function for each kind of panel."""

from collections.abc import Iterable
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from bnrepro.paper import paper_curve
from bnrepro.render.captions import X_TITLES, count_range, title_of
from bnrepro.render.ranges import held_range, ticks_at
from bnrepro.render.target import REACHED, Target, target_here, target_of_paper
from bnrepro.render.thinning import thin
from bnrepro.studies.evidence import Evidence
from bnrepro.studies.study import (
    PALETTE,
    Against,
    Curves,
    Ends,
    Line,
    Panel,
    PaperCurves,
    Prepared,
)

# No identifiers drawn at random: the same runs give the same bytes.
_STYLE: Any = {"svg.hashsalt": "bnrepro", "font.size": 9}
_DASHES = ("-", "--", ":", "-.")
_WIDTH, _HEIGHT = 4.6, 4.3  # inches, of a panel
_HEIGHT_WITH_LEGENDS = 5.1  # where they stand below
_MARGIN = 0.04
_MOST_LEGEND_ENTRIES = 8
_MOST_LEGEND_ENTRIES_INSIDE = 4


def draw(evidence: Evidence, folder: Path) -> None:
    """Write ``<study>.svg`` and ``<study>.png``, a panel beside the other.

    Args:
        evidence: of a study that has panels.
        folder: to write to.
    """
    study = evidence.study
    with mpl.rc_context(_STYLE):
        count = len(study.panels)
        figure = Figure(figsize=(max(6.5, _WIDTH * count), _HEIGHT), layout="constrained")
        for axes, panel in zip(
            figure.subplots(1, count, squeeze=False)[0], study.panels, strict=True
        ):
            _draw_panel(axes, panel, evidence)
            axes.grid(alpha=0.3)
            if _has_legend(panel, evidence):
                _draw_legend(axes, figure)
        figure.suptitle(title_of(evidence), fontsize=9, wrap=True)
        layout = figure.get_layout_engine()
        assert layout is not None
        layout.execute(figure)
        figure.set_layout_engine(None)  # "none" has every file drawn twice
        figure.savefig(folder / f"{study.name}.svg", metadata={"Date": None})
        figure.savefig(folder / f"{study.name}.png", dpi=120)


def _draw_panel(axes: Axes, panel: Panel, evidence: Evidence) -> None:
    axes.set(title=panel.title, ylabel=panel.y)
    match panel:
        case Curves():
            _draw_curves(axes, panel, evidence)
        case PaperCurves():
            _draw_papers(axes, panel, evidence)
        case Ends():
            _draw_ends(axes, panel, evidence)
        case Against():
            _draw_against(axes, panel, evidence)
        case Prepared():
            _draw_prepared(axes, panel, evidence)


def _draw_curves(axes: Axes, panel: Curves, evidence: Evidence) -> None:
    shown = [line for line in _lines(panel, evidence) if evidence.runs[line.label]]
    ends = [
        float(evidence.band(line.label, panel.series[0])["step"].max())
        * evidence.per_step(line.label, panel.x)
        for line in shown
    ]
    last_step = np.nanmax([*ends, 1.0])
    for line in shown:
        for series, dash in zip(panel.series, _dashes(panel, line), strict=True):
            _draw_line(axes, panel, evidence, line, series, dash, last_step)
    if not shown:
        axes.text(0.5, 0.5, "not run", ha="center", va="center", transform=axes.transAxes)
    target = target_here(panel, evidence)
    if target:
        _draw_target(axes, target, evidence)
    axes.set_xlabel(X_TITLES[panel.x])
    if panel.log_x:
        axes.set_xscale("log")
    else:
        axes.set_xlim(0, panel.share * last_step)
    if panel.log_y:
        axes.set_yscale("log")
    if panel.y_range:
        bands = (evidence.band(line.label, name) for line in shown for name in panel.series)
        axes.set_ylim(held_range(*panel.y_range, [band for band in bands if len(band)]))
    elif all(evidence.series(name).is_accuracy for name in panel.series):
        low, high = axes.get_ylim()  # an interval of two seeds can be wider than all there is
        axes.set_ylim(0.0 if panel.target else max(0.0, low), min(1.0, high))


def _lines(panel: Curves, evidence: Evidence) -> list[Line]:
    return [line for line in evidence.study.lines if not panel.lines or line.label in panel.lines]


def _draw_line(
    axes: Axes,
    panel: Curves,
    evidence: Evidence,
    line: Line,
    name: str,
    dash: str,
    last_step: float,
) -> None:
    series = evidence.series(name)
    runs = evidence.runs[line.label]
    band = evidence.band(line.label, name)
    if band.empty:
        return
    if panel.log_x:  # a logarithmic axis has no step 0
        band = band[band["step"] > 0]
    first = name == panel.series[0]
    label = f"{line.label} (n={band['n'].max()})" if first else None
    band = thin(band, "step", "mean", panel.log_x)
    band = band.assign(step=band["step"] * evidence.per_step(line.label, panel.x))
    axes.plot(band["step"], band["mean"], dash, color=line.color, label=label, linewidth=1.4)
    if not panel.each_seed:
        axes.fill_between(
            band["step"], band["low"], band["high"], color=line.color, alpha=0.25, linewidth=0
        )
    for run in runs:
        curve = evidence.curve(run, series)
        # A copy: what was recorded belongs to every study that shows the run.
        curve = curve.set_axis(curve.index * evidence.per_step(line.label, panel.x))
        if panel.each_seed:
            # Each seed has another unit, say, and the mean over units is no unit's curve.
            shown = thin(pd.DataFrame({"x": curve.index, "y": curve.array}), "x", "y")
            axes.plot(shown["x"], shown["y"], color=line.color, linewidth=0.4, alpha=0.5)
        if run.diverged:
            axes.plot(curve.index[-1:], curve.iloc[-1:], "x", color=line.color, clip_on=False)
    if panel.beside_paper and name in line.paper:
        steps, values = paper_curve(line.paper[name])
        drawn = steps <= last_step
        label = f"paper, {line.label}" if first and drawn.any() else None
        # Of several lines in one panel, the reference's is dashed, here in black as in the paper.
        is_dashed = line.label == evidence.study.reference and len(panel.lines) != 1
        style = "--" if is_dashed else "-"
        axes.plot(steps[drawn], values[drawn], style, color="black", linewidth=0.7, label=label)


def _dashes(panel: Curves, line: Line) -> list[str]:
    """Solid where every series has the paper's curve beside it; else one style a series."""
    if panel.beside_paper and all(name in line.paper for name in panel.series):
        return ["-"] * len(panel.series)
    return [_DASHES[i % len(_DASHES)] for i in range(len(panel.series))]


def _draw_target(axes: Axes, target: Target, evidence: Evidence) -> None:
    """A dotted line at the level, and a diamond where each curve first reaches it."""
    axes.axhline(target.level, color="black", linewidth=0.8, linestyle=":", label=target.label)
    label = REACHED
    for name, place in target.places.items():
        color = evidence.study.line(name).color
        axes.plot(place, target.level, "D", color=color, markersize=5, label=label)
        label = "_"


def _draw_papers(axes: Axes, panel: PaperCurves, evidence: Evidence) -> None:
    for line in evidence.study.lines:
        if panel.series not in line.paper:
            continue
        steps, values = paper_curve(line.paper[panel.series])
        axes.plot(steps / panel.x_unit, values, color=line.color, linewidth=1.2, label=line.label)
    _draw_target(axes, target_of_paper(panel, evidence), evidence)
    axes.set(xlabel=panel.x, xlim=panel.x_range, ylim=panel.y_range)


def _draw_ends(axes: Axes, panel: Ends, evidence: Evidence) -> None:
    places = np.arange(len(panel.series))
    for line in evidence.study.lines:
        ends = evidence.ends(line.label, panel.series)
        if not ends:
            continue
        means = np.array([ends[name].mean if name in ends else np.nan for name in panel.series])
        half = np.array(
            [ends[name].high - ends[name].mean if name in ends else np.nan for name in panel.series]
        )
        n = max(mean.n for mean in ends.values())
        axes.errorbar(
            places,
            means,
            yerr=np.nan_to_num(half),
            fmt="o-",
            markersize=3,
            linewidth=1,
            color=line.color,
            label=f"{line.label} (n={n})",
        )
        _keep_legend_off_bars(axes, places, means - half, means + half)
    axes.set_xticks(places, panel.names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_xlabel(panel.x)


def _draw_against(axes: Axes, panel: Against, evidence: Evidence) -> None:
    groups = panel.groups or dict.fromkeys(line.group for line in evidence.study.lines)
    drawn: list[float] = []
    for marker, group in zip(cycle("osD^v"), groups, strict=False):
        places = evidence.places(panel, group).dropna(subset=["x"])
        drawn += places["x"].tolist()
        if places.empty:
            continue
        color = next(line.color for line in evidence.study.lines[::-1] if line.group == group)
        known = places.dropna(subset=["mean"]).sort_values("x")
        axes.errorbar(
            known["x"],
            known["mean"],
            yerr=np.nan_to_num([known["mean"] - known["low"], known["high"] - known["mean"]]),
            fmt=f"{marker}-" if panel.is_set else marker,
            markersize=5,
            linewidth=1,
            color=color,
            label=f"{group} (n={count_range(places['n'])})",
        )
        _keep_legend_off_bars(axes, known["x"], known["low"], known["high"])
        for _, place in places.iterrows():
            if place["failed"]:
                axes.plot(place["x"], place["bound"], "x", color=color, markersize=8, mew=2)
    axes.set_xlabel(panel.x)
    if not drawn:
        _say_not_prepared(axes, evidence)
        return
    if panel.log_x:
        axes.set_xscale("log")
    if panel.log_y:
        axes.set_yscale("log")
    if panel.quantity.unit == "accuracy":  # as for curves; crosses lie on 0
        low, high = axes.get_ylim()
        axes.set_ylim(max(-_MARGIN, low), min(1 + _MARGIN, high))
    if panel.is_set:
        _draw_ticks(axes, drawn)


def _keep_legend_off_bars(
    axes: Axes, places: Iterable[float], low: Iterable[float], high: Iterable[float]
) -> None:
    """Matplotlib's "best" place for a legend is clear of lines, but error bars are none to it."""
    for x, *ends in zip(places, low, high, strict=True):
        axes.plot([x, x], ends, linestyle="none")


def _draw_prepared(axes: Axes, panel: Prepared, evidence: Evidence) -> None:
    bands = evidence.prepared(panel)
    if not bands:
        _say_not_prepared(axes, evidence)
    for color, (group, band) in zip(cycle(PALETTE), bands.items(), strict=False):
        axes.plot(band["x"], band["mean"], "o-", markersize=3, color=color, label=group)
        axes.fill_between(band["x"], band["low"], band["high"], color=color, alpha=0.25)
    axes.set_xlabel(panel.x)
    if panel.log_x:
        axes.set_xscale("log")
        _draw_ticks(axes, (x for band in bands.values() for x in band["x"]))
    if panel.log_y:
        axes.set_yscale("log")


def _draw_ticks(axes: Axes, places: Iterable[float]) -> None:
    """At these places alone, if they are few."""
    ticks = ticks_at(places)
    if ticks:
        axes.set_xticks(list(ticks), list(ticks.values()))
        axes.set_xticks([], minor=True)


def _say_not_prepared(axes: Axes, evidence: Evidence) -> None:
    text = f"not prepared:\nbnrepro reproduce {evidence.study.name}"
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes)


def _has_legend(panel: Panel, evidence: Evidence) -> bool:
    """Not where there is one line, which the title names, nor where it would be too long."""
    if not isinstance(panel, Curves):
        return True
    lines = _lines(panel, evidence)
    shown = [line for line in lines if evidence.runs[line.label]]
    return len(lines) > 1 and len(shown) <= _MOST_LEGEND_ENTRIES


def _draw_legend(axes: Axes, figure: Figure) -> None:
    """Where it covers least; below the axes where it would cover curves wherever it is."""
    count = len(axes.get_legend_handles_labels()[0])
    if count > _MOST_LEGEND_ENTRIES_INSIDE:
        labels = axes.xaxis.get_tightbbox()
        depth = axes.bbox.y0 - labels.y0 if labels else 0.0  # in pixels
        figure.set_figheight(_HEIGHT_WITH_LEGENDS)
        below = ScaledTranslation(0, -depth / figure.dpi, figure.dpi_scale_trans)
        axes.legend(
            loc="upper center",
            bbox_to_anchor=(0.5, 0),
            bbox_transform=axes.transAxes + below,
            ncols=2,
            fontsize=8,
        )
    elif count:
        axes.legend(loc="best", framealpha=0.85, fontsize=8)
