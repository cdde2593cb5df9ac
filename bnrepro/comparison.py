"""The user's own comparison: what a sweep trains, as a study made from the command line."""

import hashlib
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import filter as matches
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import BaseModel
from rich.console import Console

from bnrepro.config import RunConfig, differences, expand, read_stored, recipe_id
from bnrepro.config.explain import explain
from bnrepro.config.groups import options
from bnrepro.config.load import parse
from bnrepro.errors import UserError, nearest
from bnrepro.measure.quantities import best, final, final_gain, steps_to
from bnrepro.render.report import write_page, write_study
from bnrepro.render.tables import Cells, fewer_than_before, table_cells, table_numbers
from bnrepro.runs import find_run
from bnrepro.runs.ended import EndedRuns
from bnrepro.runs.tags import TEST_ACCURACY, TEST_LOSS, TRAIN_LOSS
from bnrepro.studies.evidence import Evidence
from bnrepro.studies.study import PALETTE, Column, Curves, Line, Series, Study, Table, XAxis
from bnrepro.sweep import Launcher, Swept, sweep
from bnrepro.sweep.table import as_override

METRICS = (TEST_ACCURACY, TEST_LOSS, TRAIN_LOSS)
"""What can be compared."""

MEANING = (
    "final is the mean of the last five values, best the best mean of five; in brackets: 95 % "
    "interval of the mean over seeds"
)
"""Of a comparison's table."""

_IDS = re.compile("[0-9a-f]{1,12}")
_MOST_LINES = len(PALETTE)
_NO_CHANGES = ("experiment", "scale", "data", "debug", "seed", "steps")  # of a line's network
_LONGEST_NAME = 100  # of a folder; file systems take 255


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
        notes: a sentence on what was left out or not run, and on what had more seeds before.
    """

    swept: Swept | None
    table: pd.DataFrame | None = None
    cells: Cells | None = None
    folder: Path | None = None
    files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


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
        RunFailedError: every run failed.
    """
    if metric not in METRICS:
        raise UserError(f"--metric {metric}: not recorded; {nearest(metric, METRICS)}")
    configs = [_in_folder(config, runs) for config in _configs(overrides, runs)]
    lines = _lines(configs, overrides)
    swept = None
    if launcher is not None:
        swept = sweep(configs, launcher, retry_failed=False, console=console)
        if swept.signal is not None:
            return Comparison(swept)
        swept.check_some_ended()
    study = _study(lines, metric, x, target)
    ended = EndedRuns(runs)
    runs_of_lines = {label: ended.of(config) for label, config in lines.items()}
    if not any(runs_of_lines.values()):
        raise UserError(f"nothing to compare has ended under {runs}; without --no-train it is run")
    folder = out / "compare" / _folder_name([*overrides, *_options(metric, x)])
    evidence = Evidence(study, "", folder, runs_of_lines)
    notes = [*dict.fromkeys(ended.notes), *fewer_than_before(evidence)]
    if launcher is None and (missing := ", ".join(line.label for line in evidence.missing)):
        notes.append(f"not run: {missing}; without --no-train they are trained")
    notes += _at_chance(evidence, metric)
    files = write_study(evidence)
    command = shlex.join(["bnrepro", "compare", *overrides])
    page = write_page([evidence], command, folder / "compare.html")
    written = tuple(sorted({*files, page}))
    numbers, cells = table_numbers(evidence), table_cells(evidence)
    return Comparison(swept, numbers, cells, folder, written, tuple(notes))


def _at_chance(evidence: Evidence, metric: str) -> list[str]:
    """A sentence on each line that has not begun to learn: nothing follows from it."""
    if metric != TEST_ACCURACY:
        return []
    notes = []
    for label, runs in evidence.runs.items():
        ends = [final(metric).measure(run, run) for run in runs if not run.diverged]
        end = np.mean([value for value in ends if value is not None] or np.inf)
        if runs and end <= 2 * runs[0].chance:
            notes.append(
                f"{label}: its accuracy, {end:.4f}, is near chance ({runs[0].chance:.4f}): it has "
                "not begun to learn; train for longer before you compare with it"
            )
    return notes


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


def label_configs(configs: Sequence[RunConfig], swept: Sequence[str] = ()) -> list[str]:
    """A label for each config: ``norm=batch``, ``norm=none``; what is the default is named, too.

    Different experiments, and a single config, are named by their experiment.

    Args:
        configs: of different recipes.
        swept: the keys to name them by; where these do not tell them apart, all that differ do.
    """
    experiments = [config.experiment for config in configs]
    if len(set(experiments)) == len(configs):
        return experiments
    labels = _labels(configs, swept)
    return labels if len(set(labels)) == len(configs) else _labels(configs, _keys(configs))


def _labels(configs: Sequence[RunConfig], keys: Sequence[str]) -> list[str]:
    return [
        " ".join(f"{key}={as_override(_value(config, key))}" for key in keys) for config in configs
    ]


def _keys(configs: Sequence[RunConfig]) -> list[str]:
    """The keys in which any two configs differ, in the schema's order; of a group, its name."""
    different = {key for pair in combinations(configs, 2) for key in differences(*pair)}
    fields = dict.fromkeys(field.key for config in configs for field in explain(config))
    keys = [key.removesuffix(".name") for key in fields if key in different]
    return [key for key in keys if not _follows_option(key, keys, configs)]


def _follows_option(key: str, keys: Sequence[str], configs: Sequence[RunConfig]) -> bool:
    """Whether the option of a group, which is named, tells the value of one of its keys."""
    group, _, _ = key.partition(".")
    values = {(_value(config, group), _value(config, key)) for config in configs}
    return key != group and group in keys and len(values) == len({option for option, _ in values})


def _swept_keys(told: Sequence[str]) -> list[str]:
    """The keys of which overrides list several values, seeds left out."""
    overrides = [parse(one) for one in told if "=" in one]
    keys = [one.key_or_group for one in overrides if one.is_sweep_override()]
    return [key for key in dict.fromkeys(keys) if key != "seed"]


def _changed(told: Sequence[str]) -> str:
    """The overrides that give one value, and change what a network or its training is."""
    overrides = [parse(one) for one in told if "=" in one]
    return " ".join(
        one.input_line or ""
        for one in overrides
        if not one.is_sweep_override() and one.key_or_group not in _NO_CHANGES
    )


def _lines(configs: Sequence[RunConfig], told: Sequence[str]) -> dict[str, RunConfig]:
    """A config of each line, by label; those that differ in the seed alone are one line.

    Lines that are named by their experiments say what was changed in these.

    Raises:
        UserError: there are more than a picture can show.
    """
    by_recipe = {recipe_id(config): config for config in reversed(configs)}
    firsts = [by_recipe[recipe] for recipe in dict.fromkeys(recipe_id(c) for c in configs)]
    if len(firsts) > _MOST_LINES:
        raise UserError(
            f"{len(firsts)} lines: more than the {_MOST_LINES} that a picture can tell apart; "
            "sweep over fewer values, or over seed alone"
        )
    labels = label_configs(firsts, _swept_keys(told))
    changed = _changed(told)
    if changed and labels == [config.experiment for config in firsts]:
        labels = [f"{label} {changed}" for label in labels]
    return dict(zip(labels, firsts, strict=True))


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
        title=_title(lines),
        question=f"Compared by {title}, every line against {first}: {MEANING}.",
        lines=tuple(
            Line(label, config.experiment, color=color)
            for (label, config), color in zip(lines.items(), PALETTE, strict=False)
        ),
        reference=first,
        series=(Series(name, metric),),
        panels=(Curves("", (name,), title, x=x),),
        table=Table(tuple(columns)),
    )


def _title(lines: dict[str, RunConfig]) -> str:
    """What is compared, and of which network, where it is one."""
    first = next(iter(lines))
    compared = " against ".join(lines) if len(lines) < 3 else f"{first} and {len(lines) - 1} others"
    networks = {config.model.name for config in lines.values()}
    return f"{compared} ({networks.pop()})" if len(networks) == 1 else compared


def _in_folder(config: RunConfig, runs: Path) -> RunConfig:
    runtime = config.runtime.model_copy(update={"runs": str(runs)})
    return config.model_copy(update={"runtime": runtime})


def _value(config: RunConfig, key: str) -> object:
    """What a config has for a key, None where it has none; of a group, the option."""
    value: object = config
    for part in key.split("."):
        value = getattr(value, part, None)
    return getattr(value, "name", None) if isinstance(value, BaseModel) else value


def _options(metric: str, x: XAxis) -> list[str]:
    """What makes it another picture."""
    return [option for option, usual in ((metric, TEST_ACCURACY), (x, "step")) if option != usual]


def _folder_name(words: Sequence[str]) -> str:
    """Of the command line: the same comparison goes to the same place, and no other."""
    line = " ".join(words)
    name = re.sub(r"[^\w=.,()-]+", "_", line) or "default"
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[:_LONGEST_NAME]}-{hashlib.sha256(line.encode()).hexdigest()[:8]}"
