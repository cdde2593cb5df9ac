"""Panels whose values differ by decades."""

from matplotlib.figure import Figure

from bnrepro.render.charts import charts
from bnrepro.render.figure import _draw_panel
from bnrepro.runs import tags
from bnrepro.studies.study import Curves
from tests.studies.conftest import evidence_of
from tests.synthetic import ended_run


def test_values_are_drawn_by_decades_and_intervals_below_0_are_cut() -> None:
    rates = ([1.0, 0.1, 0.01], [1.0, 0.1, 0.2])  # the last interval reaches below 0
    norm = {tags.weight_norm("hidden.1"): [1.0, 2.0, 3.0]}
    runs = [
        ended_run([0.1, 0.5, 0.9], seed, tags=norm | {tags.effective_rate("hidden.1"): values})
        for seed, values in enumerate(rates)
    ]
    evidence = evidence_of("effective_rate", {"x1": runs})
    assert evidence.band("x1", "effective_rate")["low"].min() < 0
    for panel, chart in zip(evidence.study.panels, charts(evidence), strict=True):
        assert isinstance(panel, Curves)
        axes = Figure().subplots()
        _draw_panel(axes, panel, evidence)
        assert axes.get_yscale() == ("log" if panel.log_y else "linear")
        assert (chart.layout["yaxis"].get("type") == "log") == panel.log_y
        if panel.log_y:
            assert min(value for trace in chart.data for value in trace["y"]) > 0
