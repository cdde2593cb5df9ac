"""The run directories below a folder: found and counted."""

from collections.abc import Iterator
from pathlib import Path

import yaml

from bnrepro.runs.directory import RunDirectory, State


def find_runs(runs: Path) -> Iterator[RunDirectory]:
    """Every run directory below ``runs``, in a fixed order."""
    for config in sorted(runs.glob("**/config.yaml")):
        yield RunDirectory(config.parent)


def count_runs(runs: Path) -> dict[str, dict[str, dict[str, int]]]:
    """How many runs are in which state: by ``experiment``, ``scale`` and ``data``, then by name.

    A run that says it is running while no process holds it counts as preempted.
    """
    counts: dict[str, dict[str, dict[str, int]]] = {"experiment": {}, "scale": {}, "data": {}}
    for directory in find_runs(runs):
        try:
            config = yaml.safe_load(directory.config.read_text(encoding="utf-8"))["config"]
            names = {
                "experiment": config["experiment"],
                "scale": config["scale"],
                "data": config["data"]["name"],
            }
        except (OSError, yaml.YAMLError, KeyError, TypeError):
            continue
        status = directory.look()
        state = status.state if status else State.FAILED
        for group, name in names.items():
            states = counts[group].setdefault(name, {})
            states[state] = states.get(state, 0) + 1
    return counts
