"""What ran on what, and how it differs from the paper: said in tables and sentences."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from bnrepro.config import differences, preset
from bnrepro.reports.wording import plain, seeds

Setup = dict[str, Any]
"""An experiment's entry in a figure's setup.json."""

# What follows the paper's time, and what only says where files are or how often to look.
_LENGTHS = {"steps", "optim.decay_every", "evaluation.every"}
_UNSAID = {"scale", "data.folder", "inception_steps", "evaluation.at"}
_VERSIONS = ("git_commit", "bnrepro", "python", "torch", "numpy", "system")
_MACHINE = ("processor", "device", "threads", "compiled")


class Table(NamedTuple):
    """Cells as they are shown.

    Attributes:
        columns: their headings.
        rows: a cell a column.
    """

    columns: list[str]
    rows: list[list[str]]


def read_setups(folders: list[Path]) -> dict[str, Setup]:
    """Every experiment of some figures, by name."""
    setups: dict[str, Setup] = {}
    for folder in folders:
        content = json.loads((folder / "setup.json").read_text(encoding="utf-8"))
        setups |= content["experiments"]
    return dict(sorted(setups.items()))


def setup_table(setups: dict[str, Setup]) -> Table:
    """A row an experiment: data, size, seeds, time."""
    columns = ["experiment", "data", "network", "steps", "batch", "seeds", "time a seed", "in all"]
    rows = []
    for name, setup in setups.items():
        config, seconds = setup["config"], setup["seconds"]
        width = config["model"].get("width")
        rows.append(
            [
                name,
                config["data"]["name"],
                config["model"]["name"] + (f", width {width:g}" if width else ""),
                f"{config['steps']:,}",
                str(config["batch_size"]),
                seeds(len(setup["seeds"]), diverged=len(setup["diverged_seeds"])),
                _time(sum(seconds) / len(seconds)),
                _time(sum(seconds)),
            ]
        )
    return Table(columns, rows)


def machine_table(setups: dict[str, Setup]) -> Table:
    """A row for each combination of machine, versions and commit that runs were made with."""
    keys = (*_MACHINE, *_VERSIONS)
    used: dict[tuple[str, ...], list[str]] = {}
    for name, setup in setups.items():
        for entry in setup["provenance"]:
            names = used.setdefault(tuple(str(entry.get(key, "-")) for key in keys), [])
            if name not in names:
                names.append(name)
    rows = [[*values, ", ".join(names)] for values, names in sorted(used.items())]
    return Table([*(key.replace("_", " ") for key in keys), "experiments"], rows)


def what_differs(experiments: list[str], scale: str) -> list[str]:
    """A sentence for each set of experiments that differ in the same way from ``scale=paper``.

    Args:
        experiments: those that ran.
        scale: the scale that they ran at.
    """
    alike: dict[str, list[str]] = {}
    for name in experiments:
        alike.setdefault(_difference(name, scale), []).append(name)
    return [f"{', '.join(names)}: {said}" for said, names in alike.items()]


def _difference(experiment: str, scale: str) -> str:
    here, paper = preset(experiment, scale), preset(experiment, "paper")
    changed = differences(here, paper)
    sentences = []
    unsaid = set(_UNSAID)
    if here.inception_steps and paper.inception_steps and "inception_steps" in changed:
        unsaid |= _LENGTHS
        stands_for = paper.inception_steps / here.inception_steps
        sentences.append(
            "the paper's time is scaled, lengths and decay alike, learning rates and batch not: "
            f"one step stands for {stands_for:,.4g} of the paper's"
        )
    sentences += [
        f"{key} is {plain(value)} (the paper: {plain(other)})"
        for key, (value, other) in changed.items()
        if key not in unsaid
    ]
    if not sentences:
        return "the size of the paper; what the paper leaves open is said in the presets."
    return "; ".join(sentences) + "."


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
