"""Section 3.1: accuracy by the statistics that BN uses at evaluation, and by the training's age."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bnrepro.errors import UserError
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
    save,
    seeds_in_words,
    select,
    write_csv,
    write_setup,
    written,
)
from bnrepro.statistics import band

LAG = "moving_minus_population"
"""The quantity: accuracy with the moving averages minus that with Algorithm 2's estimates."""

_COMPARED = re.compile(r"test/(population|moving|batch_(\d+))/accuracy")
_PAPER_NOTE = "Section 3.1; the paper gives no numbers of it"


@dataclass(frozen=True)
class _Network:
    """A network of the study.

    Attributes:
        experiment: its preset.
        batch_size: examples in a mini-batch of its training.
        color: of its lines, the darker the smaller.
    """

    experiment: str
    batch_size: int
    color: str


NETWORKS = tuple(
    _Network(f"statistics/batch_{size}", size, color)
    for size, color in (
        (2, "#0d0887"),
        (4, "#5901a5"),
        (8, "#9c179e"),
        (16, "#cb4679"),
        (32, "#ed7953"),
        (60, "#fdb42f"),
    )
)


def draw_statistics(runs: Path, scale: str, results: Path, overrides: list[str]) -> Written:
    """Write the study of BN's statistics at evaluation from finished runs.

    ``curves.csv`` (every seed), ``bands.csv`` (mean and interval), ``summary.csv`` (at the end of
    training), ``setup.json``, ``statistics.svg`` and ``statistics.png``.

    Args:
        runs: folder of the run directories.
        scale: which scale's runs.
        results: the results folder.
        overrides: what else the runs were told, besides their experiment, scale and seed.

    Raises:
        UserError: there is no finished run at all, none compared the statistics, or the results
            cannot be written.
    """
    experiments = [network.experiment for network in NETWORKS]
    found = _with_lag(collect("statistics", experiments, runs, scale, overrides))
    tags = _tags(found)
    folder = folder_of("statistics", results, scale, overrides)
    bands = bands_table(found, tags)
    summary = _summary(found, tags)
    write_csv(curves_table(found, tags), folder / "curves.csv")
    write_csv(bands, folder / "bands.csv")
    write_csv(summary, folder / "summary.csv")
    write_setup(found, _PAPER_NOTE, folder / "setup.json")
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(12, 4.2), layout="constrained")
        final, ages, lag = figure.subplots(1, 3, width_ratios=[1.25, 1, 1])
        _draw_final(final, summary)
        _draw_ages(ages, found, bands)
        _draw_lag(lag, bands)
        figure.legend(
            *final.get_legend_handles_labels(),
            loc="outside right center",
            title="mini-batch\nin training",
            frameon=False,
        )
        figure.suptitle(_title(found, scale, overrides), fontsize=9)
        save(figure, folder, "statistics")
    return written(folder, found)


def evaluation_sizes(quantities: pd.Series) -> list[int]:
    """The sizes of the mini-batches whose statistics were used, of the names in a table."""
    names = quantities.drop_duplicates()
    return sorted(int(name.removeprefix("batch_")) for name in names if name.startswith("batch_"))


def _with_lag(found: Runs) -> Runs:
    """The runs with the difference of the two accuracies of each evaluation as a column."""
    compared = Runs(
        {
            experiment: [
                replace(
                    run,
                    rows=run.rows.assign(
                        **{
                            LAG: run.rows["test/moving/accuracy"]
                            - run.rows["test/population/accuracy"]
                        }
                    ),
                )
                for run in ended
                if "test/population/accuracy" in run.rows
            ]
            for experiment, ended in found.items()
        }
    )
    compared.notes = found.notes
    if not any(compared.values()):
        raise UserError(
            "statistics: the runs compared none; make them with measures=[evaluation_statistics]"
        )
    return compared


def _tags(found: Runs) -> dict[str, str]:
    """The recorded tags by the name that the tables give them, mini-batches by size."""
    run = next(run for ended in found.values() for run in ended)
    matches = [match for tag in run.rows.columns if (match := _COMPARED.fullmatch(tag))]
    matches.sort(key=lambda match: int(match[2] or 0))
    return {match[1]: match[0] for match in matches} | {LAG: LAG}


def _summary(found: Runs, tags: dict[str, str]) -> pd.DataFrame:
    """The accuracies at the end of training, a row a network and quantity."""
    rows = []
    for network in NETWORKS:
        ended = found[network.experiment]
        # What a diverged run had last is not where it would have ended.
        finished = [run for run in ended if not run.diverged]
        for quantity, tag in tags.items() if finished else ():
            final = np.array([[run.rows[tag].dropna().iloc[-1]] for run in finished])
            mean, low, high, n = (values[0] for values in band(final))
            rows.append(
                {
                    "experiment": network.experiment,
                    "training_batch": network.batch_size,
                    "quantity": quantity,
                    "mean": mean,
                    "low": low,
                    "high": high,
                    "n": n,
                    "diverged": len(ended) - len(finished),
                }
            )
    columns = ["experiment", "training_batch", "quantity", "mean", "low", "high", "n", "diverged"]
    return pd.DataFrame(rows, columns=columns)


def _title(found: Runs, scale: str, overrides: list[str]) -> str:
    config = next(run for ended in found.values() for run in ended).config
    changed = f" {' '.join(overrides)}" if overrides else ""
    return (
        f"What BN normalizes by at evaluation (Section 3.1), scale {scale}{changed}: "
        f"{config.data.name}, {config.steps:,} steps. Colour: mini-batch in training; "
        f"{seeds_in_words(found)}"
    )


def _draw_final(axes: Axes, summary: pd.DataFrame) -> None:
    """Every way to normalize at the end of training: mini-batches by size, then the averages."""
    sizes = evaluation_sizes(summary["quantity"])
    places = {f"batch_{size}": float(i) for i, size in enumerate(sizes)}
    averages = {"moving": len(sizes) + 0.8, "population": len(sizes) + 3.0}
    for network in NETWORKS:
        final = summary[summary["experiment"] == network.experiment].set_index("quantity")
        if final.empty:
            continue
        label = f"{network.batch_size} (n={final['n'].max()})"
        curve = final.loc[list(places)].assign(step=list(places.values()))
        draw_band(axes, curve, network.color, label)
        levels = final.loc[list(averages)]
        axes.errorbar(
            list(averages.values()),
            levels["mean"],
            yerr=np.nan_to_num([levels["mean"] - levels["low"], levels["high"] - levels["mean"]]),
            fmt="o",
            markersize=4,
            color=network.color,
        )
    axes.axvline(len(sizes) - 0.4, color="black", linewidth=0.6)
    ticks = [*places.values(), *averages.values()]
    axes.set_xticks(ticks, [*map(str, sizes), "moving\naverages", "Algorithm\n2"])
    axes.set(
        title="(a) at the end of training",
        xlabel="examples in an evaluation mini-batch, or fixed statistics",
        ylabel="test accuracy",
    )
    axes.grid(alpha=0.3)


def _draw_ages(axes: Axes, found: Runs, bands: pd.DataFrame) -> None:
    for network in NETWORKS:
        for quantity, style in (("population", "-"), ("moving", "--")):
            curve = _drawn(bands, network, quantity)
            axes.plot(curve["step"], curve["mean"], style, color=network.color, linewidth=1.2)
        mark_divergence(axes, found[network.experiment], "test/population/accuracy", network.color)
    axes.plot([], [], "-", color="black", label="Algorithm 2")
    axes.plot([], [], "--", color="black", label="moving averages")
    axes.set(title="(b) during training", ylabel="test accuracy", ylim=(0, 1))
    _finish(axes)


def _draw_lag(axes: Axes, bands: pd.DataFrame) -> None:
    axes.axhline(0, color="black", linewidth=0.6)
    for network in NETWORKS:
        draw_band(axes, _drawn(bands, network, LAG), network.color)
    axes.set(title="(c) moving averages\nminus Algorithm 2", ylabel="difference in test accuracy")
    _finish(axes)


def _drawn(bands: pd.DataFrame, network: _Network, quantity: str) -> pd.DataFrame:
    """A curve without step 0, which a logarithmic axis has not."""
    curve = select(bands, network.experiment, quantity)
    return curve[curve["step"] > 0]


def _finish(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.set_xlabel("training step")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=8)
    axes.grid(alpha=0.3)
