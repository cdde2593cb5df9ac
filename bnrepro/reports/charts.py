"""The figures as charts that a person can hover and toggle: plain values for Plotly.

Everything is read from the tables that the figures wrote; nothing is computed here.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from bnrepro.paper import paper_curve
from bnrepro.reports.fig1 import NETWORKS
from bnrepro.reports.fig2 import MODELS
from bnrepro.reports.figures import select
from bnrepro.reports.inference_statistics import LAG, evaluation_sizes
from bnrepro.reports.inference_statistics import NETWORKS as STATISTICS_NETWORKS

Trace = dict[str, Any]

_BLACK = "#000000"  # the page's style sheet turns it into the colour of its text


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


def fig1_charts(folder: Path) -> list[Chart]:
    """Accuracy, and the percentiles of each network.

    Args:
        folder: what `draw_fig1` wrote.
    """
    bands = pd.read_csv(folder / "bands.csv")
    accuracy: list[Trace] = []
    for network in NETWORKS:
        curve = select(bands, network.experiment, "test_accuracy")
        accuracy += _band(network.label, network.color, curve, 1.0)
        accuracy.append(_paper(network.label, network.color, network.accuracy, 1.0))
    charts = [
        Chart(
            "fig1-accuracy",
            "Figure 1(a): test accuracy",
            accuracy,
            _layout("training step", "test accuracy", [0.7, 1.0] if _all_above(bands) else None),
        )
    ]
    for letter, network in zip("bc", NETWORKS, strict=True):
        data: list[Trace] = []
        for percentile in (85, 50, 15):
            curve = select(bands, network.experiment, f"unit_p{percentile}")
            name = f"{percentile}th percentile"
            data += _band(name, network.color, curve, 1.0)
            data.append(_paper(name, _BLACK, f"{network.panel}_p{percentile}", 1.0))
        title = f"Figure 1({letter}): input to one sigmoid, {network.label}"
        charts.append(
            Chart(f"fig1-{letter}", title, data, _layout("training step", "input to the sigmoid"))
        )
    return charts


def fig2_charts(folder: Path) -> list[Chart]:
    """Accuracy against the paper's time, every model beside the paper's curve of it.

    Args:
        folder: what `draw_fig2` wrote.
    """
    bands = pd.read_csv(folder / "bands.csv")
    setups = json.loads((folder / "setup.json").read_text(encoding="utf-8"))["experiments"]
    inception_steps = {setup["config"]["inception_steps"] for setup in setups.values()}
    scaled = len(inception_steps) == 1 and None not in inception_steps
    # Ours stretched to the paper's time, so that both can be seen on one axis.
    stretch = 31.0 / inception_steps.pop() if scaled else 1e-6
    data: list[Trace] = []
    for model in MODELS:
        data += _band(
            model.label, model.color, select(bands, model.experiment, "accuracy"), stretch
        )
        if model.curve:
            data.append(_paper(model.label, model.color, model.curve, 1e-6))
    x_title = "training step, in millions of the paper's"
    layout = _layout(x_title, "held-out accuracy")
    return [
        Chart(
            "fig2-accuracy",
            "Held-out accuracy here, beside the paper's on ImageNet",
            data,
            layout,
        )
    ]


def statistics_charts(folder: Path) -> list[Chart]:
    """Accuracy by what normalizes at evaluation, and how far the moving averages lag behind.

    Args:
        folder: what `draw_statistics` wrote.
    """
    summary = pd.read_csv(folder / "summary.csv")
    bands = pd.read_csv(folder / "bands.csv")
    names = {f"batch_{size}": str(size) for size in evaluation_sizes(summary["quantity"])}
    names |= {"moving": "moving averages", "population": "Algorithm 2"}
    final: list[Trace] = []
    lag: list[Trace] = []
    for network in STATISTICS_NETWORKS:
        label = f"trained in {network.batch_size}s"
        rows = summary[summary["experiment"] == network.experiment].set_index("quantity")
        if not rows.empty:
            final.append(_points(label, network.color, rows.loc[list(names)], [*names.values()]))
        curve = select(bands, network.experiment, LAG)
        # A logarithmic axis has no step 0.
        lag += _band(label, network.color, curve[curve["step"] > 0], 1.0)
    by_statistics = _layout("mini-batch that normalizes at evaluation", "test accuracy")
    by_statistics["xaxis"] |= {"type": "category"}
    by_age = _layout("training step", "difference in test accuracy")
    by_age["xaxis"] |= {"type": "log"}
    return [
        Chart(
            "statistics-final",
            "Test accuracy at the end of training, by what normalizes at evaluation",
            final,
            by_statistics,
        ),
        Chart("statistics-lag", "Moving averages minus Algorithm 2", lag, by_age),
    ]


CHARTS = {"fig1": fig1_charts, "fig2": fig2_charts, "statistics": statistics_charts}
"""The charts of a figure, from the folder that it was written to."""


def _all_above(bands: pd.DataFrame) -> bool:
    """Whether the paper's axis, from 0.7, shows every network's best accuracy."""
    accuracy = bands[bands["quantity"] == "test_accuracy"]
    return bool(accuracy.groupby("experiment")["mean"].max().min() > 0.72)


def _band(label: str, color: str, curve: pd.DataFrame, stretch: float) -> list[Trace]:
    """A mean and its interval, toggled together; nothing where nothing ran."""
    if curve.empty:
        return []
    x = (curve["step"] * stretch).round(6)
    group = f"here, {label}"
    mean: Trace = {
        "name": f"{label} (n={curve['n'].max()})",
        "legendgroup": group,
        "x": x.tolist(),
        "y": _values(curve["mean"]),
        "mode": "lines",
        "line": {"color": color, "width": 2},
        "customdata": curve["step"].tolist(),
        "hovertemplate": "step %{customdata:,}: %{y:.4f}",
    }
    known = curve[curve["low"].notna()]
    if known.empty:
        return [mean]
    x = x[known.index]
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


def _points(label: str, color: str, rows: pd.DataFrame, names: list[str]) -> Trace:
    """Means with their intervals at named places."""
    trace: Trace = {
        "name": f"{label} (n={rows['n'].max()})",
        "x": names,
        "y": _values(rows["mean"]),
        "mode": "lines+markers",
        "line": {"color": color, "width": 1},
        "hovertemplate": "%{x}: %{y:.4f}",
    }
    if rows["low"].notna().all():
        trace["error_y"] = {
            "array": _values(rows["high"] - rows["mean"]),
            "arrayminus": _values(rows["mean"] - rows["low"]),
        }
    return trace


def _paper(label: str, color: str, curve: str, stretch: float) -> Trace:
    steps, values = paper_curve(curve)
    return {
        "name": f"paper: {label}",
        "x": (steps * stretch).round(6).tolist(),
        "y": values.round(6).tolist(),
        "mode": "lines",
        "line": {"color": color, "width": 1.5, "dash": "dash"},
        "hovertemplate": "paper: %{y:.4f}",
    }


def _values(column: pd.Series) -> list[float | None]:
    return [None if pd.isna(value) else float(value) for value in column]


def _layout(x: str, y: str, y_range: list[float] | None = None) -> dict[str, Any]:
    clear = "rgba(0, 0, 0, 0)"
    return {
        "xaxis": {"title": {"text": x}, "rangemode": "tozero", "automargin": True},
        "yaxis": {"title": {"text": y}, "automargin": True}
        | ({"range": y_range} if y_range else {}),
        "legend": {
            "orientation": "h",
            "entrywidth": 160,
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
