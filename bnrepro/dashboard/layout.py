"""The Custom Scalars tab: a chart a figure, and one of the inputs to every probed layer."""

import re
from typing import Any

from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.custom_scalar import layout_pb2, metadata
from tensorboard.util.tensor_util import make_tensor_proto

from bnrepro.dashboard.figures import ACCURACY, OTHER

_TITLES = {
    "fig1": "Figure 1(a): test accuracy on MNIST",
    "fig2": "Figure 2: held-out accuracy",
    "statistics": "Section 3.1: test accuracy with Algorithm 2's statistics",
    OTHER: "Other experiments: test accuracy",
}
_CATEGORIES = {
    "fig1": "Figure 1",
    "fig2": "Figure 2",
    "statistics": "Statistics at evaluation",
    OTHER: "Other experiments",
}
_PANELS = {
    "fig1b": "Figure 1(b): without BN, input to one sigmoid: median, 15th to 85th percentile",
    "fig1c": "Figure 1(c): with BN, input to one sigmoid: median, 15th to 85th percentile",
}


# Margin charts are listed backwards: TensorBoard 2.21 shows them so.


def layout(figures: set[str], averaged: set[str], layers: list[str]) -> Any:
    """The charts for what there is to show.

    Args:
        figures: that have runs.
        averaged: those of them that have means over seeds.
        layers: that some run probed.
    """
    pages = []
    for figure in sorted(figures, key=[*_TITLES].index):
        margins = []
        if figure in averaged:
            title = f"{_TITLES[figure]}, mean over finished seeds with 95 % interval"
            band = (f"{figure}/mean", f"{figure}/mean_low", f"{figure}/mean_high")
            margins.append(_margin(title, *band))
        if figure == "fig1":
            margins += [
                _margin(title, f"{panel}/p50", f"{panel}/p15", f"{panel}/p85")
                for panel, title in _PANELS.items()
            ]
        charts = [_lines(_TITLES[figure], f"{figure}/accuracy"), *reversed(margins)]
        if figure == "statistics":
            title = "Section 3.1: test accuracy with the moving averages"
            charts.append(_lines(title, "statistics/moving"))
        pages.append(layout_pb2.Category(title=_CATEGORIES[figure], chart=charts))
    everything = [_lines("Test accuracy", ACCURACY), _lines("Training loss", "train/loss")]
    pages.append(layout_pb2.Category(title="All runs", chart=everything, closed=True))
    if layers:
        inputs = [
            _margin(
                f"{layer}: median, 15th to 85th percentile",
                *(f"probe/{layer}/all/{percentile}" for percentile in ("p50", "p15", "p85")),
            )
            for layer in reversed(layers)
        ]
        title = "Inputs to the nonlinearities, all units of a layer"
        pages.append(layout_pb2.Category(title=title, chart=inputs, closed=True))
    tensor = make_tensor_proto(layout_pb2.Layout(category=pages).SerializeToString())
    value = Summary.Value(
        tag=metadata.CONFIG_SUMMARY_TAG,
        tensor=tensor,
        metadata=metadata.create_summary_metadata(),
    )
    return Summary(value=[value])


def _lines(title: str, tag: str) -> Any:
    content = layout_pb2.MultilineChartContent(tag=[f"^{re.escape(tag)}$"])
    return layout_pb2.Chart(title=title, multiline=content)


def _margin(title: str, value: str, lower: str, upper: str) -> Any:
    series = layout_pb2.MarginChartContent.Series(value=value, lower=lower, upper=upper)
    return layout_pb2.Chart(title=title, margin=layout_pb2.MarginChartContent(series=[series]))
