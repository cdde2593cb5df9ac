"""A study's panels as charts that a person can hover and toggle: plain values for Plotly."""

import math
from itertools import cycle
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from bnrepro.paper import paper_curve
from bnrepro.render.captions import X_TITLES, count_range
from bnrepro.render.ranges import held_range, ticks_at
from bnrepro.render.target import REACHED, Target, target_here, target_of_paper
from bnrepro.render.thinning import thin
from bnrepro.studies.evidence import Evidence
from bnrepro.studies.study import PALETTE, Against, Curves, Ends, PaperCurves, Prepared

Trace = dict[str, Any]

_BLACK = "#000000"  # the page's style sheet turns it into the colour of its text
_CHARACTER = 7.5  # pixels that one of a legend takes, at most
# An interval of two seeds can be wider than all there is; the margin is for markers.
_ACCURACIES = {"minallowed": -0.02, "maxallowed": 1.02}
_DASHES = ("solid", "dash", "dot", "dashdot")


class Chart(NamedTuple):
    """One chart.

    Attributes:
        id: of its element in the page.
        title: above it.
        data: Plotly's traces.
        layout: Plotly's layout.
    """

    id: str
    title: str
    data: list[Trace]
    layout: dict[str, Any]


def charts(evidence: Evidence) -> list[Chart]:
    """A chart for every panel of a study."""
    drawn = []
    for position, panel in enumerate(evidence.study.panels):
        match panel:
            case Curves():
                data, layout = _curves(panel, evidence)
            case PaperCurves():
                data, layout = _papers(panel, evidence)
            case Ends():
                data, layout = _ends(panel, evidence)
            case Against():
                data, layout = _against(panel, evidence)
            case Prepared():
                data, layout = _prepared(panel, evidence)
        names = [len(trace["name"]) for trace in data if trace.get("showlegend", True)]
        layout["legend"]["entrywidth"] = _CHARACTER * max(names, default=0)
        title = panel.title.replace("\n", " ")
        drawn.append(Chart(f"{evidence.study.name}-{position}", title, data, layout))
    return drawn


def _curves(panel: Curves, evidence: Evidence) -> tuple[list[Trace], dict[str, Any]]:
    data: list[Trace] = []
    bands: list[pd.DataFrame] = []
    ends = [float(run.rows.index.max()) for runs in evidence.runs.values() for run in runs]
    last_step = max(ends, default=math.inf)
    for line in evidence.study.lines:
        if panel.lines and line.label not in panel.lines:
            continue
        for name, dash in zip(panel.series, _DASHES * len(panel.series), strict=False):
            band = evidence.band(line.label, name)
            if panel.log_x:  # a logarithmic axis has no step 0
                band = band[band["step"] > 0]
            if len(band):
                band = thin(band, "step", "mean", panel.log_x)
                band = band.assign(step=band["step"] * evidence.per_step(line.label, panel.x))
                if panel.log_y:  # an interval may reach below 0, where such an axis has no place
                    band["low"] = band["low"].clip(lower=band["mean"].min() / 10)
            several = len(panel.series) > 1
            words = name.replace("_", " ")
            label = f"{line.label}, {words}" if several else line.label
            if len(panel.lines) == 1:
                label = words
            traces = _band(label, line.color, band, "solid" if panel.beside_paper else dash)
            # Where each seed follows another unit, an interval over them is no unit's.
            data += traces[-1:] if panel.each_seed else traces
            bands += [band] if len(band) else []
            if panel.beside_paper and name in line.paper:
                color = _BLACK if several else line.color
                data.append(_paper(label, line.paper[name], color, 1.0, last_step))
    target = target_here(panel, evidence)
    if target:
        data += _target(target, evidence, data)
    y_range = held_range(*panel.y_range, bands) if panel.y_range else None
    layout = _layout(X_TITLES[panel.x], panel.y, y_range)
    if all(evidence.series(name).is_accuracy for name in panel.series):
        layout["yaxis"] |= _ACCURACIES
    if panel.log_x:
        layout["xaxis"]["type"] = "log"
    if panel.log_y:
        layout["yaxis"]["type"] = "log"
    if panel.share < 1:
        last = max((max(trace["x"]) for trace in data if trace["x"]), default=1)
        layout["xaxis"]["range"] = [0, panel.share * last]
    return data, layout


def _papers(panel: PaperCurves, evidence: Evidence) -> tuple[list[Trace], dict[str, Any]]:
    data = [
        _paper(line.label, line.paper[panel.series], line.color, 1 / panel.x_unit)
        for line in evidence.study.lines
        if panel.series in line.paper
    ]
    data += _target(target_of_paper(panel, evidence), evidence, data)
    return data, _layout(panel.x, panel.y, panel.y_range)


def _ends(panel: Ends, evidence: Evidence) -> tuple[list[Trace], dict[str, Any]]:
    data: list[Trace] = []
    names = [name.replace("\n", " ") for name in panel.names]
    for line in evidence.study.lines:
        ends = evidence.ends(line.label, panel.series)
        shown = [
            (place, ends[name])
            for place, name in zip(names, panel.series, strict=True)
            if name in ends
        ]
        if shown:
            table = pd.DataFrame([mean for _, mean in shown])
            data.append(_points(line.label, line.color, [place for place, _ in shown], table))
    layout = _layout(panel.x, panel.y)
    layout["xaxis"]["type"] = "category"
    return data, layout


def _against(panel: Against, evidence: Evidence) -> tuple[list[Trace], dict[str, Any]]:
    data: list[Trace] = []
    for group in panel.groups or dict.fromkeys(line.group for line in evidence.study.lines):
        color = next(line.color for line in evidence.study.lines[::-1] if line.group == group)
        places = evidence.places(panel, group)
        known = places.dropna(subset=["x", "mean"]).sort_values("x")
        if len(known):
            trace = _points(group, color, known["x"].tolist(), known)
            mode = "lines+markers" if panel.is_set else "markers"
            trace |= {"mode": mode, "text": known["line"].tolist()}
            trace["hovertemplate"] = "%{text}: %{y:,.4g}"
            data.append(trace)
        failed = places[places["failed"].astype(bool)].dropna(subset=["x"])
        if len(failed):
            data.append(
                {
                    "name": f"{group}: a seed fails",
                    "x": failed["x"].tolist(),
                    "y": failed["bound"].tolist(),
                    "mode": "markers",
                    "marker": {"symbol": "x", "color": color, "size": 10},
                    "text": failed["line"].tolist(),
                    "hovertemplate": "%{text}",
                }
            )
    layout = _log(_layout(panel.x, panel.y), panel)
    if panel.quantity.unit == "accuracy":
        layout["yaxis"] |= _ACCURACIES
    if panel.is_set:
        layout["xaxis"] |= _ticks(data)
    return data, layout


def _prepared(panel: Prepared, evidence: Evidence) -> tuple[list[Trace], dict[str, Any]]:
    bands = evidence.prepared(panel)
    data = [
        _points(group, color, band["x"].tolist(), band)
        for color, (group, band) in zip(cycle(PALETTE), bands.items(), strict=False)
    ]
    layout = _log(_layout(panel.x, panel.y), panel)
    if panel.log_x:
        layout["xaxis"] |= _ticks(data)
    return data, layout


def _ticks(data: list[Trace]) -> dict[str, Any]:
    ticks = ticks_at(x for trace in data for x in trace["x"])
    return {"tickvals": list(ticks), "ticktext": list(ticks.values())} if ticks else {}


def _log(layout: dict[str, Any], panel: Against | Prepared) -> dict[str, Any]:
    for axis, is_log in (("xaxis", panel.log_x), ("yaxis", panel.log_y)):
        if is_log:
            layout[axis]["type"] = "log"
    return layout


def _band(label: str, color: str, curve: pd.DataFrame, dash: str) -> list[Trace]:
    """A mean and its interval, toggled together; nothing where nothing ran."""
    if curve.empty:
        return []
    group = f"here, {label}"
    mean: Trace = {
        "name": f"{label} (n={curve['n'].max()})",
        "legendgroup": group,
        "x": curve["step"].tolist(),
        "y": _values(curve["mean"]),
        "mode": "lines",
        "line": {"color": color, "width": 2, "dash": dash},
        "hovertemplate": "%{x:,}: %{y:.4f}",
    }
    known = curve[curve["low"].notna()]
    if known.empty:
        return [mean]
    x = known["step"].tolist()
    mean["text"] = [
        "" if pd.isna(low) else f" ({low:.4f} to {high:.4f}, n={n})"
        for low, high, n in zip(curve["low"], curve["high"], curve["n"], strict=True)
    ]
    mean["hovertemplate"] += "%{text}"
    interval: Trace = {
        "name": group,
        "legendgroup": group,
        "showlegend": False,
        "x": [*x, *x[::-1]],
        "y": [*_values(known["high"]), *_values(known["low"][::-1])],
        "mode": "lines",
        "line": {"width": 0, "color": color},
        "fill": "toself",
        "fillcolor": f"rgba({', '.join(str(int(color[i : i + 2], 16)) for i in (1, 3, 5))}, 0.2)",
        "hoverinfo": "skip",
    }
    return [interval, mean]


def _points(label: str, color: str, places: list[Any], table: pd.DataFrame) -> Trace:
    """Means with their intervals at places of an axis."""
    trace: Trace = {
        "name": f"{label} (n={count_range(table['n'])})",
        "x": places,
        "y": _values(table["mean"]),
        "mode": "lines+markers",
        "line": {"color": color, "width": 1},
        "marker": {"color": color},
        "hovertemplate": "%{x}: %{y:.4f}",
    }
    if table["low"].notna().all():
        trace["error_y"] = {
            "array": _values(table["high"] - table["mean"]),
            "arrayminus": _values(table["mean"] - table["low"]),
        }
    return trace


def _target(target: Target, evidence: Evidence, data: list[Trace]) -> list[Trace]:
    """A dotted line at the level, and a diamond where each curve first reaches it."""
    places = [place for trace in data for place in trace["x"]]
    level: Trace = {
        "name": target.label,
        "x": [min(places), max(places)],
        "y": [target.level] * 2,
        "mode": "lines",
        "line": {"color": _BLACK, "width": 1, "dash": "dot"},
        "hovertemplate": "%{y:.4f}",
    }
    diamonds: Trace = {
        "name": REACHED,
        "x": [*target.places.values()],
        "y": [target.level] * len(target.places),
        "text": [*target.places],
        "mode": "markers",
        "marker": {
            "symbol": "diamond",
            "size": 9,
            "color": [evidence.study.line(label).color for label in target.places],
        },
        "hovertemplate": "%{text}: %{x:,}",
    }
    return [level, diamonds]


def _paper(
    label: str, curve: str, color: str, stretch: float, last_step: float = math.inf
) -> Trace:
    """The paper's curve, as far as our steps go: a short run has the axis to itself."""
    steps, values = paper_curve(curve)
    steps, values = steps[steps <= last_step], values[steps <= last_step]
    return {
        "name": f"paper: {label}",
        "x": np.round(steps * stretch, 6).tolist(),
        "y": np.round(values, 6).tolist(),
        "mode": "lines",
        "line": {"color": color, "width": 1.5, "dash": "dash"},
        "hovertemplate": "paper: %{y:.4f}",
    }


def _values(column: pd.Series) -> list[float | None]:
    return [None if pd.isna(value) else float(value) for value in column]


def _layout(x: str, y: str, y_range: tuple[float, float] | None = None) -> dict[str, Any]:
    clear = "rgba(0, 0, 0, 0)"
    return {
        "xaxis": {
            "title": {"text": x.replace("\n", " ")},
            "rangemode": "tozero",
            "automargin": True,
        },
        "yaxis": {"title": {"text": y}, "automargin": True}
        | ({"range": [*y_range]} if y_range else {}),
        "legend": {
            "orientation": "h",
            "maxheight": 1,
            "x": 0,
            "y": 0,
            "yref": "container",
            "yanchor": "bottom",
        },
        "margin": {"l": 50, "r": 10, "t": 10},  # the page makes room for the legend
        "hovermode": "closest",
        "paper_bgcolor": clear,
        "plot_bgcolor": clear,
        "modebar": {"bgcolor": clear, "color": "#808080", "activecolor": "#0072B2"},
        "font": {"family": "system-ui, sans-serif", "size": 13},
    }
