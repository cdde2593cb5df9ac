"""Figure 1: test accuracy on MNIST, and what reaches one sigmoid, with and without BN."""

from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bnrepro.paper import paper_curve
from bnrepro.reports.figures import (
    STYLE,
    Runs,
    Written,
    bands_table,
    collect,
    curves_table,
    draw_band,
    folder_of,
    mark_divergence,
    remarks_on,
    save,
    seeds_in_words,
    select,
    write_csv,
    write_setup,
    written,
)
from bnrepro.reports.runs import FinishedRun
from bnrepro.statistics import Band, band, steps_to_reach

TARGET_ACCURACY = 0.95
_PERCENTILES = (15, 50, 85)
_ACCURACY = "test/accuracy"
_PAPER_NOTE = (
    "digitized from the vector drawings; that the axis of (b) and (c) spans 0 to 50,000 steps is "
    "an inference; the drawn accuracies begin near step 4,000, the one without BN ends at 44,081"
)
_NOTHING = Band(np.full(1, np.nan), np.full(1, np.nan), np.full(1, np.nan), np.zeros(1, int))


@dataclass(frozen=True)
class _Network:
    """One of the figure's two networks.

    Attributes:
        experiment: its preset.
        label: in the legend.
        color: of its lines.
        accuracy: the paper's curve in panel (a).
        panel: the prefix of the paper's percentile curves.
    """

    experiment: str
    label: str
    color: str
    accuracy: str
    panel: str


NETWORKS = (
    _Network("fig1/without_bn", "without BN", "#D55E00", "fig1a_without_bn", "fig1b"),
    _Network("fig1/with_bn", "with BN", "#0072B2", "fig1a_with_bn", "fig1c"),
)


def draw_fig1(runs: Path, scale: str, results: Path, overrides: list[str]) -> Written:
    """Write Figure 1 and its numbers from finished runs.

    ``curves.csv`` (every seed), ``bands.csv`` (mean and interval), ``summary.csv`` (ours against
    the paper's), ``setup.json``, ``fig1.svg`` and ``fig1.png`` under ``<results>/<scale>/fig1``, or
    beside it under a name that says the overrides.

    Args:
        runs: folder of the run directories.
        scale: which scale's runs.
        results: the results folder.
        overrides: what else the runs were told, besides their experiment, scale and seed.

    Raises:
        UserError: there is no finished run at all, or the results cannot be written.
    """
    found = collect("fig1", [network.experiment for network in NETWORKS], runs, scale, overrides)
    folder = folder_of("fig1", results, scale, overrides)
    tags = _tags(next(run for ended in found.values() for run in ended))
    bands = bands_table(found, tags)
    write_csv(curves_table(found, tags), folder / "curves.csv")
    write_csv(bands, folder / "bands.csv")
    write_csv(_summary(found), folder / "summary.csv")
    write_setup(found, _PAPER_NOTE, folder / "setup.json")
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 3.9), layout="constrained")
        accuracy, without_bn, with_bn = figure.subplots(1, 3, width_ratios=[1.25, 1, 1])
        _draw_accuracy(accuracy, found, bands)
        for axes, letter, network in zip((without_bn, with_bn), ("b", "c"), NETWORKS, strict=True):
            _draw_percentiles(axes, letter, network, found[network.experiment], tags, bands)
        figure.suptitle(_title(found, scale, overrides), fontsize=9)
        save(figure, folder, "fig1")
    reference = NETWORKS[0]
    remarks = remarks_on(f"The network {reference.label}", found[reference.experiment], _ACCURACY)
    return written(folder, found, remarks)


def _tags(run: FinishedRun) -> dict[str, str]:
    """The recorded tags that the figure shows, by the name that its tables give them."""
    layers = [tag.split("/")[1] for tag in run.rows.columns if tag.startswith("probe/")]
    last = layers[-1]
    tags = {"test_accuracy": _ACCURACY}
    for which in ("unit", "all"):
        for percentile in _PERCENTILES:
            tags[f"{which}_p{percentile}"] = f"probe/{last}/{which}/p{percentile}"
    return tags


def _summary(found: Runs) -> pd.DataFrame:
    """Final and best accuracy, and steps to 95 %, ours with interval against the paper's."""
    rows = []
    for network in NETWORKS:
        ended = found[network.experiment]
        if not ended:
            continue
        curves = [run.rows[_ACCURACY].dropna() for run in ended]
        # What a diverged run had last is not where it would have ended.
        final = [c.iloc[-1] for c, run in zip(curves, ended, strict=True) if not run.diverged]
        paper = paper_curve(network.accuracy)
        reach = np.array(
            [
                steps_to_reach(c.index.to_numpy(dtype=float), c.to_numpy(), TARGET_ACCURACY)
                for c in curves
            ]
        )
        paper_reach = steps_to_reach(paper.steps, paper.values, TARGET_ACCURACY)
        # The paper's axis is cropped: a curve that is above the target where it begins.
        bound = "<=" if paper.values[0] >= TARGET_ACCURACY else ""
        best = np.array([c.max() for c in curves])
        quantities = [
            ("final test accuracy", np.array(final), f"{paper.values[-1]:.6g}"),
            ("best test accuracy", best, f"{paper.values.max():.6g}"),
            (f"steps to {TARGET_ACCURACY}", reach, f"{bound}{paper_reach:.6g}"),
        ]
        for name, ours, theirs in quantities:
            reached = ours[~np.isnan(ours)]
            over_seeds = band(reached[:, None]) if len(reached) else _NOTHING
            rows.append(
                {
                    "experiment": network.experiment,
                    "quantity": name,
                    "mean": over_seeds.mean[0],
                    "low": over_seeds.low[0],
                    "high": over_seeds.high[0],
                    "n": over_seeds.n[0],
                    "never": len(ours) - len(reached),
                    "diverged": sum(run.diverged for run in ended),
                    "paper": theirs,
                }
            )
    return pd.DataFrame(rows)


def _title(found: Runs, scale: str, overrides: list[str]) -> str:
    config = next(run for ended in found.values() for run in ended).config
    changed = f" {' '.join(overrides)}" if overrides else ""
    return (
        f"Figure 1, scale {scale}{changed}: {config.data.name}, {config.steps:,} steps of "
        f"{config.batch_size} examples. Coloured: {seeds_in_words(found)}. "
        "Black: the paper, digitized"
    )


def _paper_line(axes: Axes, name: str, last_step: float, style: str, label: str | None) -> None:
    paper = paper_curve(name)
    shown = paper.steps <= last_step
    if shown.any():
        axes.plot(
            paper.steps[shown],
            paper.values[shown],
            color="black",
            linewidth=0.7,
            linestyle=style,
            label=label,
        )


def _draw_accuracy(axes: Axes, found: Runs, bands: pd.DataFrame) -> None:
    last_step = float(bands["step"].max())
    accuracy = bands[bands["quantity"] == "test_accuracy"]
    lowest = accuracy.groupby("experiment")["mean"].max().min()
    for network, style in zip(NETWORKS, ("--", "-"), strict=True):
        ended = found[network.experiment]
        if ended:
            curve = select(bands, network.experiment, "test_accuracy")
            draw_band(axes, curve, network.color, f"{network.label} (n={curve['n'].max()})")
            mark_divergence(axes, ended, _ACCURACY, network.color)
        _paper_line(axes, network.accuracy, last_step, style, f"paper, {network.label}")
    axes.set(
        title="(a) test accuracy",
        xlabel="training step",
        ylabel="test accuracy",
        # The paper's axis, unless a curve of ours never gets there.
        ylim=(0.7 if lowest > 0.72 else 0.0, 1.0),
        xlim=(0, last_step),
    )
    axes.legend(loc="lower right", frameon=False)
    axes.grid(alpha=0.3)


def _draw_percentiles(
    axes: Axes,
    letter: str,
    network: _Network,
    ended: list[FinishedRun],
    tags: dict[str, str],
    bands: pd.DataFrame,
) -> None:
    last_step = float(bands["step"].max())
    quantities = [f"unit_p{percentile}" for percentile in _PERCENTILES]
    means = bands[bands["quantity"].isin(quantities)][["mean", "low", "high"]].to_numpy()
    # The paper's axis, wider where the means need it, the same for both networks.
    limit = max(2.5, 1.05 * np.nanmax(np.abs(means)))
    axes.set(
        title=f"({letter}) {network.label}: input to one sigmoid\nof the last hidden layer",
        xlabel="training step",
        ylabel=f"{{{', '.join(map(str, _PERCENTILES))}}}th percentiles",
        ylim=(-limit, limit),
        xlim=(0, last_step),
    )
    axes.grid(alpha=0.3)
    if not ended:
        axes.text(0.5, 0.5, "not run", ha="center", va="center", transform=axes.transAxes)
        return
    for percentile, quantity in zip(_PERCENTILES, quantities, strict=True):
        # Each seed has another unit, and the mean over units is no unit's curve.
        for run in ended:
            curve = run.rows[tags[quantity]].dropna()
            axes.plot(curve.index, curve, color=network.color, linewidth=0.4, alpha=0.5)
        mark_divergence(axes, ended, tags[quantity], network.color)
        draw_band(axes, select(bands, network.experiment, quantity), network.color)
        _paper_line(axes, f"{network.panel}_p{percentile}", last_step, "-", None)
