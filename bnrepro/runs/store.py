"""The run directories below a folder: listed, found by what they compute, counted."""

import os
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from bnrepro.config import RunConfig, read_stored, run_id, run_path
from bnrepro.errors import UserError, nearest
from bnrepro.runs.directory import RunDirectory, State

# How config.yaml begins since version 2: the whole of it takes a hundred times as long to read.
_HEAD = re.compile(r"version: \d+\nrun_id: '?(?P<id>[0-9a-f]{12})'?\n")
_HEAD_BYTES = 64

_MOST_CANDIDATES = 5  # named in a message


def find_runs(runs: Path) -> Iterator[RunDirectory]:
    """Every run directory below ``runs``, in a fixed order."""
    for path in sorted(map(Path, _folders(runs))):
        yield RunDirectory(path)


def _folders(runs: Path) -> Iterator[str]:
    for folder, subfolders, files in os.walk(runs):
        if "config.yaml" in files:
            yield folder
        if "status.json" in files:
            subfolders.clear()  # the run's own


def find_run(name: str, runs: Path) -> RunDirectory:
    """A run directory by its path, or by the beginning of its id below the folder of runs.

    Args:
        name: a path, or as many of the id's digits as no other run begins with.
        runs: folder of the run directories.

    Raises:
        UserError: there is none, or there are several; names those that may be meant.
    """
    path = Path(name)
    if (path / "config.yaml").is_file():
        return RunDirectory(path)
    named = [] if "/" in name else [(run, Path(folder)) for run, folder in _named(runs)]
    # A run of version 1 answers to the name of its folder, too.
    paths = sorted(
        {path for run, path in named if run.startswith(name) or path.name.startswith(name)}
    )
    if len(paths) == 1:
        return RunDirectory(paths[0])
    if not paths:
        meant = nearest(name, (run for run, _ in named), "`bnrepro status --runs D` shows the runs")
        raise UserError(f"{name}: no run directory, nor a run's id under {runs}; {meant}")
    shown = ", ".join(map(str, paths[:_MOST_CANDIDATES]))
    more = ", ..." if len(paths) > _MOST_CANDIDATES else ""
    raise UserError(f"{name}: {len(paths)} runs begin so ({shown}{more}); give more of the id")


def locate(config: RunConfig) -> RunDirectory:
    """The directory of a run: where one that computes the same lies, or else where it will lie.

    A run is named by its computation. The same under another experiment's name, or made before
    labels left the name (version 1 of config.yaml), is the same run.
    """
    return locate_all([config])[0]


def locate_all(configs: Sequence[RunConfig]) -> list[RunDirectory]:
    """`locate` for many runs, whose folders are listed once."""
    listed: dict[Path, dict[str, str]] = {}
    directories = []
    for config in configs:
        runs, path = Path(config.runtime.runs), run_path(config)
        if not path.exists():
            if runs not in listed:
                listed[runs] = dict(sorted(_named(runs)))
            path = Path(listed[runs].get(run_id(config), path))
        directories.append(RunDirectory(path))
    return directories


def _named(runs: Path) -> Iterator[tuple[str, str]]:
    """Every run by the name that it has today, and its folder.

    Each run of a sweep asks for all of them before it begins: no paths are made into objects.
    """
    for folder in _folders(runs):
        file = f"{folder}/config.yaml"
        name = _id_today(file, os.stat(file).st_mtime_ns)  # noqa: PTH116 (a path is slower)
        yield name or folder.rpartition("/")[2], folder


@cache
def _id_today(config: str, modified: int) -> str | None:
    """What a run is named today, whatever its folder is called; None: it cannot be read."""
    del modified
    file = Path(config)
    with file.open("rb") as content:
        head = content.read(_HEAD_BYTES).decode(errors="replace")
    written = _HEAD.match(head)
    if written:
        return written["id"]
    stored = read_stored(file)
    return run_id(stored[0]) if stored else None


def left_out(unreadable: Sequence[Path]) -> str:
    """What every command says of runs that it cannot read; one at least."""
    return (
        f"{len(unreadable)} run(s) left out: config.yaml is damaged, or of a version of bnrepro "
        f"that this one cannot read ({unreadable[0]})"
    )


class RunCounts(NamedTuple):
    """How many runs there are.

    Attributes:
        by_group: by ``experiment``, ``scale`` and ``data``, then by name, then by state.
        unreadable: runs that are not counted.
    """

    by_group: dict[str, dict[str, dict[str, int]]]
    unreadable: list[Path]


def count_runs(runs: Path) -> RunCounts:
    """Count the runs of a folder.

    A run that says it is running while no process holds it counts as preempted.
    """
    counts: dict[str, dict[str, dict[str, int]]] = {"experiment": {}, "scale": {}, "data": {}}
    unreadable = []
    for directory in find_runs(runs):
        stored = read_stored(directory.config)
        if stored is None:
            unreadable.append(directory.path)
            continue
        config, _ = stored
        status = directory.look()
        state = status.state if status else State.FAILED
        names = {"experiment": config.experiment, "scale": config.scale, "data": config.data.name}
        for group, name in names.items():
            states = counts[group].setdefault(name, {})
            states[state] = states.get(state, 0) + 1
    return RunCounts(counts, unreadable)
