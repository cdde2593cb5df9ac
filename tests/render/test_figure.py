"""What a picture shows, and what drawing it leaves as it was."""

from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from bnrepro.render.captions import size_of
from bnrepro.render.figure import _draw_legend, _keep_legend_off_bars, draw
from bnrepro.reproduce import evidence_of
from tests.synthetic import write_run


@pytest.mark.parametrize("is_kept_off", [True, False])
def test_legend_is_clear_of_error_bars(is_kept_off: bool) -> None:
    figure = Figure()
    axes = figure.subplots()
    places, means, half = [0.0, 0.9, 1.0], [0.1, 0.1, 0.1], [0.0, 0.9, 0.0]
    axes.errorbar(places, means, yerr=half, label="a line", fmt="o")
    if is_kept_off:
        low, high = zip(*((m - h, m + h) for m, h in zip(means, half, strict=True)), strict=True)
        _keep_legend_off_bars(axes, places, low, high)
    _draw_legend(axes, figure)
    figure.draw_without_rendering()
    legend = axes.get_legend().get_window_extent()
    x, top = axes.transData.transform((0.9, 1.0))
    assert legend.contains(x, min(top, legend.y1 - 1)) is not is_kept_off


def test_drawing_leaves_what_was_recorded(tmp_path: Path) -> None:
    """An axis of examples once made steps of it, for whatever was drawn or written next."""
    write_run(tmp_path / "runs", "fig1/with_bn", {"test/accuracy": [0.1, 0.5, 0.9]}, every=10)
    [evidence] = evidence_of("fig1", "smoke", tmp_path / "runs", tmp_path)
    panels = tuple(replace(p, x="examples") for p in evidence.study.panels if p.title)
    evidence = replace(evidence, study=replace(evidence.study, panels=panels[:1]))
    draw(evidence, tmp_path)
    runs = next(runs for runs in evidence.runs.values() if runs)
    assert list(evidence.curve(runs[0], evidence.series("accuracy")).index) == [0, 10, 20]


def test_groups_are_counted_among_the_examples(tmp_path: Path) -> None:
    overrides = ("groups=4", "batch_size=15")
    write_run(tmp_path, "fig1/with_bn", {"test/accuracy": [0.1, 0.5]}, overrides)
    [evidence] = evidence_of("fig1", "smoke", tmp_path, tmp_path / "out", overrides)
    label = next(label for label, runs in evidence.runs.items() if runs)
    assert evidence.per_step(label, "examples") == 60
    assert "of 60 examples" in size_of(evidence)
