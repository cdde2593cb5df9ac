"""Figure 2, accuracy against training steps, and Figure 3, the table made from it."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bnrepro.paper import paper_curve
from bnrepro.paper.figure3 import FIGURE_3, Figure3Row
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
from bnrepro.statistics import band, best_point, steps_to_reach

_TAGS = {"accuracy": "test/accuracy", "loss": "test/loss", "train_loss": "train/loss"}
_ACCURACY = _TAGS["accuracy"]
_PAPER_NOTE = "single-crop validation accuracy@1 on ImageNet, digitized from the vector drawing"
_PAPER_TARGET = 0.722


@dataclass(frozen=True)
class _Model:
    """A line of Figure 2.

    Attributes:
        experiment: its preset.
        label: as the paper names it.
        color: of its line.
        curve: the paper's digitized curve; None: the paper shows none.
        paper_steps: to 72.2 %, in millions (Figure 3); NaN: never, or not listed.
        paper_accuracy: the maximum, as a fraction (Figure 3); NaN: not listed.
    """

    experiment: str
    label: str
    color: str
    curve: str | None
    paper_steps: float
    paper_accuracy: float


_UNLISTED = Figure3Row(np.nan, np.nan)
MODELS = tuple(
    _Model(experiment, label, color, f"fig2_{label}" if label in FIGURE_3 else None, *row)
    for experiment, label, color in (
        ("fig2/inception", "Inception", "#000000"),
        ("fig2/bn_baseline", "BN-Baseline", "#D55E00"),
        ("fig2/bn_x5", "BN-x5", "#0072B2"),
        ("fig2/bn_x30", "BN-x30", "#009E73"),
        ("fig2/bn_x5_sigmoid", "BN-x5-Sigmoid", "#CC79A7"),
        ("fig2/inception_x5", "Inception at x5", "#E69F00"),
        ("fig2/inception_sigmoid", "Inception, sigmoid", "#999999"),
    )
    for row in [FIGURE_3.get(label, _UNLISTED)]
)
_INCEPTION = MODELS[0].experiment


def draw_fig2(runs: Path, scale: str, results: Path, overrides: list[str]) -> Written:
    """Write Figure 2 and its numbers from finished runs.

    ``curves.csv`` (every seed), ``bands.csv`` (mean and interval), ``setup.json``, ``fig2.svg`` and
    ``fig2.png``: ours with a diamond where each mean curve crosses Inception's best, beside the
    paper's on its own axes.

    Args:
        runs: folder of the run directories.
        scale: which scale's runs.
        results: the results folder.
        overrides: what else the runs were told, besides their experiment, scale and seed.

    Raises:
        UserError: there is no finished run at all, or the results cannot be written.
    """
    found = collect("fig2", [model.experiment for model in MODELS], runs, scale, overrides)
    folder = folder_of("fig2", results, scale, overrides)
    bands = bands_table(found, _TAGS)
    write_csv(curves_table(found, _TAGS), folder / "curves.csv")
    write_csv(bands, folder / "bands.csv")
    write_setup(found, _PAPER_NOTE, folder / "setup.json")
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 4.6), layout="constrained")
        ours, papers = figure.subplots(1, 2)
        _draw_ours(ours, found, bands)
        _draw_papers(papers)
        figure.suptitle(_title(found, scale, overrides), fontsize=9)
        save(figure, folder, "fig2")
    return written(folder, found)


def write_fig3(runs: Path, scale: str, results: Path, overrides: list[str]) -> Written:
    """Write Figure 3, steps to match Inception and maximum accuracy, as CSV and Markdown.

    Each seed is compared with Inception of the same seed: the first step at which it is at that
    run's best accuracy, by linear interpolation, and how many times fewer steps that is than
    Inception took to its best. Seeds that never get there are counted.

    Args:
        runs: folder of the run directories.
        scale: which scale's runs.
        results: the results folder.
        overrides: what else the runs were told, besides their experiment, scale and seed.

    Raises:
        UserError: there is no finished run at all, or the results cannot be written.
    """
    found = collect("fig3", [model.experiment for model in MODELS], runs, scale, overrides)
    folder = folder_of("fig3", results, scale, overrides)
    table = fig3_table(found)
    write_csv(table, folder / "fig3.csv")
    write_setup(found, "Figure 3 of the paper; millions of steps", folder / "setup.json")
    remarks = remarks_on(MODELS[0].label, found[_INCEPTION], _ACCURACY)
    (folder / "fig3.md").write_text(_markdown(table, found, scale, overrides, remarks))
    return written(folder, found, remarks)


def fig3_table(found: Runs) -> pd.DataFrame:
    """A row a model: steps to match, speed-up, maximum accuracy, here and in the paper.

    Args:
        found: the runs; without Inception's there is nothing to match.
    """
    targets = {run.config.seed: _best(run) for run in found[_INCEPTION] if not run.diverged}
    rows = []
    for model in MODELS:
        ended = found[model.experiment]
        if not ended:
            continue
        matched = [run for run in ended if run.config.seed in targets]
        steps = np.array([_steps_to(run, targets[run.config.seed][1]) for run in matched])
        inception_steps = np.array([targets[run.config.seed][0] for run in matched])
        fewer = np.full(len(steps), np.nan)  # no ratio to a start that is as good
        np.divide(inception_steps, steps, out=fewer, where=(steps > 0) & (inception_steps > 0))
        rows.append(
            {
                "model": model.label,
                "n": len(ended),
                "diverged": sum(run.diverged for run in ended),
                **_interval("steps", steps),
                "never": int(np.isnan(steps).sum()),
                **_interval("speed_up", fewer),
                **_interval("max_accuracy", np.array([_best(run)[1] for run in ended])),
                "paper_steps_millions": model.paper_steps,
                "paper_speed_up": MODELS[0].paper_steps / model.paper_steps,
                "paper_max_accuracy": model.paper_accuracy,
            }
        )
    return pd.DataFrame(rows)


def _curve(run: FinishedRun) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    accuracy = run.rows[_ACCURACY].dropna()
    return accuracy.index.to_numpy(dtype=np.float64), accuracy.to_numpy(dtype=np.float64)


def _best(run: FinishedRun) -> tuple[float, float]:
    """The step of the best accuracy, and that accuracy."""
    return best_point(*_curve(run))


def _steps_to(run: FinishedRun, target: float) -> float:
    return steps_to_reach(*_curve(run), target)


def _interval(name: str, values: NDArray[np.float64]) -> dict[str, float]:
    """Mean and interval over the seeds that have a value."""
    present = values[~np.isnan(values)]
    if len(present) == 0:
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"), np.nan)
    over_seeds = band(present[:, None])
    return {
        name: float(over_seeds.mean[0]),
        f"{name}_low": float(over_seeds.low[0]),
        f"{name}_high": float(over_seeds.high[0]),
    }


def _title(found: Runs, scale: str, overrides: list[str]) -> str:
    config = next(run for ended in found.values() for run in ended).config
    changed = f" {' '.join(overrides)}" if overrides else ""
    width = getattr(config.model, "width", 1.0)
    time = f"T = {config.inception_steps:,} steps for the paper's 31.0e6"
    return (
        f"Figure 2, scale {scale}{changed}: {config.data.name}, width {width:g}, {time}. "
        f"Left: {seeds_in_words(found)}"
    )


def _draw_ours(axes: Axes, found: Runs, bands: pd.DataFrame) -> None:
    target = np.nan
    if found[_INCEPTION]:
        target = float(select(bands, _INCEPTION, "accuracy")["mean"].max())
        axes.axhline(target, color="black", linewidth=0.6, linestyle=":")
    for model in MODELS:
        ended = found[model.experiment]
        if not ended:
            continue
        curve = select(bands, model.experiment, "accuracy")
        draw_band(axes, curve, model.color, f"{model.label} (n={curve['n'].max()})")
        mark_divergence(axes, ended, _ACCURACY, model.color)
        crossing = steps_to_reach(curve["step"].to_numpy(float), curve["mean"].to_numpy(), target)
        axes.plot(crossing, target, "D", color=model.color, markersize=5)
    axes.set(title="here", xlabel="training step", ylabel="held-out accuracy")
    axes.set_xlim(0, float(bands["step"].max()))
    axes.set_ylim(0, None)
    axes.legend(loc="best", framealpha=0.85, fontsize=8)
    axes.grid(alpha=0.3)


def _draw_papers(axes: Axes) -> None:
    axes.axhline(_PAPER_TARGET, color="black", linewidth=0.6, linestyle=":")
    for model in MODELS:
        if model.curve:
            steps, accuracy = paper_curve(model.curve)
            axes.plot(steps / 1e6, accuracy, color=model.color, linewidth=1.2, label=model.label)
            axes.plot(model.paper_steps, _PAPER_TARGET, "D", color=model.color, markersize=5)
    axes.set(
        title="the paper, digitized (ImageNet)",
        xlabel="training step, millions",
        ylabel="validation accuracy",
        xlim=(0, 32),
        ylim=(0.4, 0.8),
    )
    axes.legend(loc="best", framealpha=0.85, fontsize=8)
    axes.grid(alpha=0.3)


def _markdown(
    table: pd.DataFrame, found: Runs, scale: str, overrides: list[str], remarks: list[str]
) -> str:
    lines = [
        f"# Figure 3, scale {scale}{' ' if overrides else ''}{' '.join(overrides)}",
        "",
        _title(found, scale, overrides).partition(": ")[2].replace("Left: ", "Here: ") + ".",
        "",
        "| model | n | steps to match Inception | speed-up | maximum accuracy "
        "| paper: steps | speed-up | maximum |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in table.to_dict("records"):
        never = f" ({row['never']} never)" if row["never"] else ""
        diverged = f" ({row['diverged']} diverged)" if row["diverged"] else ""
        cells = [
            row["model"],
            f"{row['n']}{diverged}",
            _cell(row, "steps", ",.0f", "never") + (never if not np.isnan(row["steps"]) else ""),
            _cell(row, "speed_up", ".1f", "-"),
            _cell(row, "max_accuracy", ".3f", "-"),
            _number(row["paper_steps_millions"], ".1f", "-", "e6"),
            _number(row["paper_speed_up"], ".1f", "-"),
            _number(row["paper_max_accuracy"], ".3f", "-"),
        ]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    lines += [line for remark in remarks for line in ("", remark)]
    return "\n".join(lines) + "\n"


def _cell(row: Mapping[Hashable, float], name: str, form: str, missing: str) -> str:
    """A mean with its interval."""
    if np.isnan(row[name]):
        return missing
    interval = ""
    if not np.isnan(row[f"{name}_low"]):
        interval = f" ({row[f'{name}_low']:{form}} to {row[f'{name}_high']:{form}})"
    return f"{row[name]:{form}}{interval}"


def _number(value: float, form: str, missing: str, unit: str = "") -> str:
    return missing if np.isnan(value) else f"{value:{form}}{unit}"
