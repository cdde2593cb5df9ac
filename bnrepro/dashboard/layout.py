"""The Custom Scalars tab: charts of every study, and one of the inputs to every observed layer."""

import re
from collections.abc import Sequence
from typing import Any

from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.custom_scalar import layout_pb2, metadata
from tensorboard.util.tensor_util import make_tensor_proto

from bnrepro.dashboard.charts import OTHER, chart_tag, interval_tags, shown_series
from bnrepro.runs.tags import PERCENTILES, TEST_ACCURACY, TRAIN_LOSS, activation_input
from bnrepro.studies.study import Curves, Study

# Margin charts are listed backwards: TensorBoard 2.21 shows them so.


def layout(studies: Sequence[Study], others: bool, averaged: set[str], layers: list[str]) -> Any:
    """The charts for what there is to show.

    Args:
        studies: that have runs.
        others: whether there are runs that no study shows.
        averaged: names of the studies, or ``other``, that have means over seeds.
        layers: whose inputs some run recorded.
    """
    pages = [
        layout_pb2.Category(title=study.title, chart=_charts(study, study.name in averaged))
        for study in studies
    ]
    if others:
        title = "Other experiments: test accuracy"
        means = _means(title, OTHER) if OTHER in averaged else []
        charts = [_lines(title, f"{OTHER}/accuracy"), *means]
        pages.append(layout_pb2.Category(title="Other experiments", chart=charts))
    everything = [_lines("Test accuracy", TEST_ACCURACY), _lines("Training loss", TRAIN_LOSS)]
    pages.append(layout_pb2.Category(title="All runs", chart=everything, closed=True))
    if layers:
        inputs = [
            _margin(
                f"{layer}: median, 15th to 85th percentile",
                *(activation_input(layer, "all", percentile) for percentile in _MIDDLE_FIRST),
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


_MIDDLE_FIRST = (PERCENTILES[1], PERCENTILES[0], PERCENTILES[2])


def _charts(study: Study, averaged: bool) -> list[Any]:
    """A chart a panel of curves: lines, or a margin where a panel shows percentiles of one line."""
    lines, margins = [], _means(study.title, study.name) if averaged else []
    for panel in study.panels:
        if not isinstance(panel, Curves):
            continue
        title = panel.title.replace("\n", " ")
        by_name = {series.name: series for series in shown_series(study)}
        if len(panel.lines) == 1 and len(panel.series) == len(PERCENTILES):
            line = study.line(panel.lines[0])
            low, middle, high = (chart_tag(study, line, by_name[name]) for name in panel.series)
            margins.append(_margin(title, middle, low, high))
        else:
            shown = [by_name[name] for name in panel.series if not by_name[name].minus]
            of = [line for line in study.lines if not panel.lines or line.label in panel.lines]
            tags = dict.fromkeys(chart_tag(study, line, one) for one in shown for line in of)
            lines += [_lines(title, *tags)] if tags else []
    if not lines:
        lines = [_lines(f"{study.title}: held-out accuracy", f"{study.name}/accuracy")]
    return [*lines, *reversed(margins)]


def _means(title: str, name: str) -> list[Any]:
    title = f"{title}: mean over finished seeds with 95 % interval"
    return [_margin(title, *interval_tags(name))]


def _lines(title: str, *tags: str) -> Any:
    content = layout_pb2.MultilineChartContent(tag=[f"^{re.escape(tag)}$" for tag in tags])
    return layout_pb2.Chart(title=title, multiline=content)


def _margin(title: str, value: str, lower: str, upper: str) -> Any:
    series = layout_pb2.MarginChartContent.Series(value=value, lower=lower, upper=upper)
    return layout_pb2.Chart(title=title, margin=layout_pb2.MarginChartContent(series=[series]))
