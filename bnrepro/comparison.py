"""The user's own comparison: what a sweep trains, as a study made from the command line."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import filter as matches
from pathlib import Path

import pandas as pd
from rich.console import Console

from bnrepro.config import RunConfig, differences, expand, read_stored, recipe_id
from bnrepro.config.explain import explain
from bnrepro.config.groups import options
from bnrepro.errors import UserError, nearest
from bnrepro.measure.quantities import best, final, final_gain, steps_to
from bnrepro.render.report import write_page, write_study
from bnrepro.render.tables import Cells, table_cells, table_numbers
from bnrepro.runs import find_run
from bnrepro.runs.ended import EndedRuns
from bnrepro.runs.tags import TEST_ACCURACY, TEST_LOSS, TRAIN_LOSS
from bnrepro.studies.evidence import Evidence
from bnrepro.studies.study import PALETTE, Column, Curves, Line, Series, Study, Table, XAxis
from bnrepro.sweep import Launcher, Swept, sweep

METRICS = (TEST_ACCURACY, TEST_LOSS, TRAIN_LOSS)
"""What can be compared."""

_IDS = re.compile("[0-9a-f]{1,12}")
_MOST_LINES = len(PALETTE)


@dataclass(frozen=True)
class Comparison:
    """How it ended.

    Attributes:
        swept: the runs; None: none were trained.
        table: a row a line: means over seeds with their intervals (``_low``, ``_high``), and the
            difference to the first line; None: stopped before its end.
        cells: the same as it is shown.
        folder: that was written to.
        files: in it.
    """

    swept: Swept | None
    table: pd.DataFrame | None = None
    cells: Cells | None = None
    folder: Path | None = None
    files: tuple[Path, ...] = ()


def compare(
    overrides: Sequence[str],
    metric: str,
    x: XAxis,
    target: float | None,
    launcher: Launcher | None,
    runs: Path,
    out: Path,
    console: Console,
) -> Comparison:
    """Train what is missing of a sweep, average over seeds, and compare the lines.

    Args:
        overrides: of Hydra, in its sweep syntax; without a ``=``, names of experiments (``fig2/*``:
            all of these), or runs by the beginning of their ids, with all their seeds.
        metric: one of `METRICS`.
        x: what the picture's axis counts.
        target: an accuracy to count the steps to; None: none.
        launcher: where runs execute; None: nothing is trained.
        runs: folder of the run directories.
        out: the folder to write to.
        console: how the runs go.

    Raises:
        UserError: an override is wrong, the lines are too many, or nothing has run.
    """
    if metric not in METRICS:
        raise UserError(f"--metric {metric}: not recorded; {nearest(metric, METRICS)}")
    configs = [_in_folder(config, runs) for config in _configs(overrides, runs)]
    lines = _lines(configs)
    if len(lines) > _MOST_LINES:
        raise UserError(
            f"{len(lines)} lines: more than the {_MOST_LINES} that a picture can tell apart; "
            "sweep over fewer values, or over seed alone"
        )
    swept = None
    if launcher is not None:
        swept = sweep(configs, launcher, retry_failed=False, console=console)
        if swept.signal is not None:
            return Comparison(swept)
    study = _study(lines, metric, x, target)
    ended = EndedRuns(runs)
    runs_of_lines = {label: ended.of(config) for label, config in lines.items()}
    if not any(runs_of_lines.values()):
        raise UserError(f"nothing to compare has ended under {runs}; without --no-train it is run")
    folder = out / "compare" / _folder_name(overrides)
    evidence = Evidence(study, configs[0].scale, folder, runs_of_lines)
    files = write_study(evidence)
    page = write_page([evidence], study.title, folder / "compare.html")
    written = tuple(sorted({*files, page}))
    return Comparison(swept, table_numbers(evidence), table_cells(evidence), folder, written)


def _configs(told: Sequence[str], runs: Path) -> list[RunConfig]:
    """The runs of overrides, experiments and ids together."""
    names = [one for one in told if "=" not in one and not one.startswith("~")]
    overrides = [one for one in told if one not in names]
    configs = [] if names else expand(overrides)
    for name in names:
        experiments = matches(options("experiment"), name)
        if experiments:
            choice = f"experiment={','.join(experiments)}"
            configs += expand([choice, *overrides])
            continue
        if not Path(name).is_dir() and not _IDS.fullmatch(name):
            meant = nearest(name, options("experiment"), or_else="write key=value")
            raise UserError(f"{name}: no experiment, and no run's id; {meant}")
        stored = read_stored(find_run(name, runs).config)
        if stored is None:
            raise UserError(f"{name}: its config.yaml is damaged; `bnrepro verify` says more")
        if overrides:
            raise UserError(f"{overrides[0]}: {name} is a run, of which nothing can be changed")
        configs.append(stored[0])
    return configs


def label_configs(configs: Sequence[RunConfig]) -> list[str]:
    """A label for each config: the keys in which any of them differ, with its own values.

    ``norm=batch``, ``norm=none``: what is the default is named, too. Different experiments, and a
    single config, are named by their experiment.
    """
    experiments = [config.experiment for config in configs]
    if len(set(experiments)) == len(configs):
        return experiments
    changed = {key for config in configs for key in differences(config, configs[0])}
    keys = [key for key in _flat(configs[0]) if key in changed]
    # Of a section that is another option with other fields, its name says it all.
    named = {key.removesuffix(".name") for key in keys if key.endswith(".name")}
    shown = [
        key
        for key in keys
        if key.endswith(".name") or not any(key.startswith(f"{section}.") for section in named)
    ]
    labels = []
    for config in configs:
        values = config.model_dump(mode="json")
        parts = [f"{key.removesuffix('.name')}={_value(values, key)}" for key in shown]
        labels.append(" ".join(parts))
    return labels


def _lines(configs: Sequence[RunConfig]) -> dict[str, RunConfig]:
    """A config of each line, by label; those that differ in the seed alone are one line."""
    by_recipe = {recipe_id(config): config for config in reversed(configs)}
    firsts = [by_recipe[recipe] for recipe in dict.fromkeys(recipe_id(c) for c in configs)]
    return dict(zip(label_configs(firsts), firsts, strict=True))


def _study(lines: dict[str, RunConfig], metric: str, x: XAxis, target: float | None) -> Study:
    first = next(iter(lines))
    name = {TEST_ACCURACY: "accuracy", TEST_LOSS: "loss", TRAIN_LOSS: "train_loss"}[metric]
    title = {"accuracy": "held-out accuracy", "loss": "held-out loss, nats"}.get(
        name, "training loss, nats"
    )
    columns = [
        Column(f"final {name}", final(metric), ".4f"),
        Column(f"best {name}", best(metric), ".4f"),
        Column(f"final minus {first}'s, by seed", final_gain(metric), "+.4f"),
    ]
    if target is not None:
        columns.append(Column(f"steps to {target:g}", steps_to(target), ",.0f"))
    return Study(
        name="compare",
        title=" against ".join(lines) if len(lines) < 3 else f"{first} and {len(lines) - 1} others",
        question=f"Compared by {title}, every line against {first}.",
        lines=tuple(
            Line(label, config.experiment, color=color)
            for (label, config), color in zip(lines.items(), PALETTE, strict=False)
        ),
        reference=first,
        series=(Series(name, metric),),
        panels=(Curves("", (name,), title, x=x),),
        table=Table(tuple(columns)),
    )


def _in_folder(config: RunConfig, runs: Path) -> RunConfig:
    runtime = config.runtime.model_copy(update={"runs": str(runs)})
    return config.model_copy(update={"runtime": runtime})


def _flat(config: RunConfig) -> list[str]:
    """Every dotted key, in the schema's order."""
    return [field.key for field in explain(config)]


def _value(values: object, key: str) -> object:
    for part in key.split("."):
        values = values.get(part) if isinstance(values, dict) else None
    return values


def _folder_name(overrides: Sequence[str]) -> str:
    """Of the command line: the same comparison goes to the same place."""
    return re.sub(r"[^\w=.,()-]+", "_", " ".join(overrides))[:100] or "default"
