"""Figure 1: test accuracy on MNIST, and what reaches one sigmoid, with and without BN."""

import json
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bnrepro.config import load
from bnrepro.errors import UserError
from bnrepro.paper import paper_curve
from bnrepro.reports.runs import FinishedRun, finished_runs
from bnrepro.reports.statistics import INTERVAL, Band, band, band_over_runs, steps_to_reach

TARGET_ACCURACY = 0.95
_PERCENTILES = (15, 50, 85)


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

_PAPER_NOTE = (
    "digitized from the vector drawings; that the axis of (b) and (c) spans 0 to 50,000 steps is "
    "an inference; the drawn accuracies begin near step 4,000, the one without BN ends at 44,081"
)

_Runs = dict[str, list[FinishedRun]]


def draw_fig1(
    runs: Path, scale: str, results: Path, overrides: list[str]
) -> tuple[Path, list[str]]:
    """Write Figure 1 and its numbers from finished runs.

    ``curves.csv`` (every seed), ``bands.csv`` (mean and interval), ``summary.csv`` (ours against
    the paper's), ``setup.json``, ``fig1.svg`` and ``fig1.png`` under ``<results>/<scale>/fig1``, or
    beside it under a name that says the overrides.

    Args:
        runs: folder of the run directories.
        scale: which scale's runs.
        results: the results folder.
        overrides: what else the runs were told, besides their experiment, scale and seed.

    Returns:
        The folder, and the experiments of the figure that have no finished run.

    Raises:
        UserError: there is no finished run at all, or the results cannot be written.
    """
    presets = {
        network.experiment: load([f"experiment={network.experiment}", f"scale={scale}", *overrides])
        for network in NETWORKS
    }
    found = {name: finished_runs(runs, preset) for name, preset in presets.items()}
    missing = [name for name, ended in found.items() if not ended]
    if len(missing) == len(NETWORKS):
        raise UserError(
            f"fig1: no finished run at scale={scale} under {runs}; run "
            f"`bnrepro train experiment={NETWORKS[-1].experiment} scale={scale}` first"
        )
    bands = _bands(found)
    folder = results / scale / ",".join(["fig1", *overrides]).replace("/", "_")
    try:
        _write(found, bands, _title(found, scale, overrides), folder)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror})") from error
    return folder, missing


def _write(found: _Runs, bands: pd.DataFrame, title: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _curves(found).to_csv(folder / "curves.csv", index=False, float_format="%.6g")
    bands.to_csv(folder / "bands.csv", index=False, float_format="%.6g")
    _summary(found).to_csv(folder / "summary.csv", index=False, float_format="%.6g")
    (folder / "setup.json").write_text(json.dumps(_setup(found), indent=2) + "\n")
    _draw(found, bands, title, folder)


def _tags(run: FinishedRun) -> dict[str, str]:
    """The recorded tags that the figure shows, by the name that its tables give them."""
    layers = [tag.split("/")[1] for tag in run.rows.columns if tag.startswith("probe/")]
    last = layers[-1]
    tags = {"test_accuracy": "test/accuracy"}
    for which in ("unit", "all"):
        for percentile in _PERCENTILES:
            tags[f"{which}_p{percentile}"] = f"probe/{last}/{which}/p{percentile}"
    return tags


def _curves(found: _Runs) -> pd.DataFrame:
    """A row an evaluation: experiment, seed, step and the recorded values."""
    parts = []
    for experiment, ended in found.items():
        for run in ended:
            tags = _tags(run)
            part = run.rows[list(tags.values())].dropna(how="all").reset_index()
            part.columns = pd.Index(["step", *tags])
            part.insert(0, "experiment", experiment)
            part.insert(1, "seed", run.config.seed)
            parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _bands(found: _Runs) -> pd.DataFrame:
    """A row a step: experiment, quantity, step, mean, low, high, n."""
    parts = []
    for experiment, ended in found.items():
        if not ended:
            continue
        for name, tag in _tags(ended[0]).items():
            steps, over_seeds = band_over_runs([run.rows[tag] for run in ended])
            parts.append(
                pd.DataFrame(
                    {
                        "experiment": experiment,
                        "quantity": name,
                        "step": steps.astype(int),
                        "mean": over_seeds.mean,
                        "low": over_seeds.low,
                        "high": over_seeds.high,
                        "n": over_seeds.n,
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def _summary(found: _Runs) -> pd.DataFrame:
    """Final and best accuracy, and steps to 95 %, ours with interval against the paper's."""
    rows = []
    for network in NETWORKS:
        ended = found[network.experiment]
        if not ended:
            continue
        curves = [run.rows["test/accuracy"].dropna() for run in ended]
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
        paper_reach_bound = "<=" if paper.values[0] >= TARGET_ACCURACY else ""
        quantities = [
            ("final test accuracy", np.array(final), paper.values[-1], ""),
            ("best test accuracy", np.array([c.max() for c in curves]), paper.values.max(), ""),
            (f"steps to {TARGET_ACCURACY}", reach, paper_reach, paper_reach_bound),
        ]
        for name, ours, theirs, bound in quantities:
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
                    "paper": f"{bound}{theirs:.6g}",
                }
            )
    return pd.DataFrame(rows)


_NOTHING = Band(np.full(1, np.nan), np.full(1, np.nan), np.full(1, np.nan), np.zeros(1, int))


def _setup(found: _Runs) -> dict[str, object]:
    """What ran, on what, how many seeds."""
    return {
        "interval": INTERVAL,
        "paper": _PAPER_NOTE,
        "experiments": {
            experiment: {
                "seeds": [run.config.seed for run in ended],
                "diverged_seeds": [run.config.seed for run in ended if run.diverged],
                "seconds": [run.seconds for run in ended],
                "config": ended[0].config.model_dump(mode="json", exclude={"runtime", "seed"}),
                "provenance": _distinct([entry for run in ended for entry in run.provenance]),
            }
            for experiment, ended in found.items()
            if ended
        },
    }


def _distinct(provenances: list[dict[str, object]]) -> list[dict[str, object]]:
    distinct: list[dict[str, object]] = []
    for provenance in provenances:
        if provenance not in distinct:
            distinct.append(provenance)
    return distinct


def _draw(found: _Runs, bands: pd.DataFrame, title: str, folder: Path) -> None:
    with mpl.rc_context({"svg.hashsalt": "bnrepro", "font.size": 9}):
        figure = Figure(figsize=(11, 3.9), layout="constrained")
        accuracy, without_bn, with_bn = figure.subplots(1, 3, width_ratios=[1.25, 1, 1])
        _draw_accuracy(accuracy, found, bands)
        for axes, letter, network in zip((without_bn, with_bn), ("b", "c"), NETWORKS, strict=True):
            _draw_percentiles(axes, letter, network, found[network.experiment], bands)
        figure.suptitle(title, fontsize=9)
        # No date inside: the same runs give the same bytes.
        figure.savefig(folder / "fig1.svg", metadata={"Date": None})
        figure.savefig(folder / "fig1.png", dpi=150)


def _title(found: _Runs, scale: str, overrides: list[str]) -> str:
    config = next(run for ended in found.values() for run in ended).config
    seeds = sorted({len(ended) for ended in found.values() if ended})
    many = f"mean of {' and '.join(map(str, seeds))} seeds with 95 % bootstrap band"
    coloured = "one seed, no interval" if seeds == [1] else many
    changed = f" {' '.join(overrides)}" if overrides else ""
    return (
        f"Figure 1, scale {scale}{changed}: {config.data.name}, {config.steps:,} steps of "
        f"{config.batch_size} examples. Coloured: {coloured}. Black: the paper, digitized"
    )


def _select(bands: pd.DataFrame, experiment: str, quantity: str) -> pd.DataFrame:
    return bands[(bands["experiment"] == experiment) & (bands["quantity"] == quantity)]


def _mark_divergence(axes: Axes, ended: list[FinishedRun], tag: str, color: str) -> None:
    """A cross where a seed's curve ends because its loss was no longer finite."""
    for run in ended:
        if run.diverged:
            curve = run.rows[tag].dropna()
            axes.plot(curve.index[-1:], curve.iloc[-1:], "x", color=color, clip_on=False)


def _line(axes: Axes, curve: pd.DataFrame, color: str, label: str | None = None) -> None:
    axes.plot(curve["step"], curve["mean"], color=color, label=label, linewidth=1.4)
    axes.fill_between(curve["step"], curve["low"], curve["high"], color=color, alpha=0.25, lw=0)


def _paper_line(axes: Axes, name: str, last_step: float, style: str, label: str | None) -> None:
    paper = paper_curve(name)
    shown: NDArray[np.bool_] = paper.steps <= last_step
    if shown.any():
        axes.plot(
            paper.steps[shown],
            paper.values[shown],
            color="black",
            linewidth=0.7,
            linestyle=style,
            label=label,
        )


def _draw_accuracy(axes: Axes, found: _Runs, bands: pd.DataFrame) -> None:
    last_step = float(bands["step"].max())
    accuracy = bands[bands["quantity"] == "test_accuracy"]
    lowest = accuracy.groupby("experiment")["mean"].max().min()
    for network, style in zip(NETWORKS, ("--", "-"), strict=True):
        if found[network.experiment]:
            curve = _select(bands, network.experiment, "test_accuracy")
            _line(axes, curve, network.color, f"{network.label} (n={curve['n'].max()})")
            _mark_divergence(axes, found[network.experiment], "test/accuracy", network.color)
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
    axes: Axes, letter: str, network: _Network, ended: list[FinishedRun], bands: pd.DataFrame
) -> None:
    last_step = float(bands["step"].max())
    shown = bands[bands["quantity"].isin([f"unit_p{percentile}" for percentile in _PERCENTILES])]
    # The paper's axis, wider where the means need it, the same for both networks.
    limit = max(2.5, 1.05 * np.nanmax(np.abs(shown[["mean", "low", "high"]].to_numpy())))
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
    for percentile in _PERCENTILES:
        # Each seed has another unit, and the mean over units is no unit's curve.
        tag = _tags(ended[0])[f"unit_p{percentile}"]
        for run in ended:
            curve = run.rows[tag].dropna()
            axes.plot(curve.index, curve, color=network.color, linewidth=0.4, alpha=0.5)
        _mark_divergence(axes, ended, tag, network.color)
        _line(axes, _select(bands, network.experiment, f"unit_p{percentile}"), network.color)
        _paper_line(axes, f"{network.panel}_p{percentile}", last_step, "-", None)
