"""What the view reads of run directories: configs, and lines that are added while runs go on."""

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from bnrepro.config import RunConfig, read_stored, recipe_id
from bnrepro.runs import RunDirectory, find_runs


@dataclass(frozen=True)
class Source:
    """A run as it lies on disk.

    Attributes:
        directory: where it is.
        config: what it was told.
        recipe: the same for runs that differ in the seed alone.
        started: when it was, in seconds since 1970.
    """

    directory: RunDirectory
    config: RunConfig
    recipe: str
    started: float


def read_source(directory: RunDirectory) -> Source | None:
    """The run, or None: its config was damaged, deleted, or written by another version."""
    stored = read_stored(directory.config)
    try:
        started = directory.config.stat().st_mtime
    except OSError:
        return None
    return Source(directory, stored[0], recipe_id(stored[0]), started) if stored else None


def find_sources(runs: Path, known: dict[Path, Source | None]) -> dict[Path, Source | None]:
    """Every run below a folder by its path; None where it cannot be read.

    Args:
        runs: the folder.
        known: what was found before; a config never changes.
    """
    sources = {}
    for directory in find_runs(runs):
        path = directory.path
        sources[path] = known[path] if path in known else read_source(directory)
    return sources


class Lines(NamedTuple):
    """What was read of a file of JSON lines.

    Attributes:
        values: the objects, in order.
        damaged: lines that hold none.
        mark: where to go on.
        again: the file is not what was read before: `values` are all of it.
    """

    values: list[dict[str, Any]]
    damaged: int
    mark: "Mark"
    again: bool


class Mark(NamedTuple):
    """How far a file of lines was read.

    Attributes:
        position: bytes read.
        tail: digest of the last of them: a resumed run may have cut the file off and gone on.
    """

    position: int = 0
    tail: str = ""


def is_value(value: Any) -> bool:
    """Whether it is a number that a chart can show."""
    return isinstance(value, int | float) and math.isfinite(value)


_TAIL = 200


def read_new_lines(path: Path, mark: Mark) -> Lines:
    """The whole lines behind a mark; a last one that is being written is left for later.

    Raises:
        OSError: the file is not there, or not any more.
    """
    with path.open("rb") as file:
        again = mark.position > 0 and _tail(file, mark.position) != mark.tail
        position = 0 if again else mark.position
        file.seek(position)
        content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        position += len(whole)
        values, damaged = [], 0
        for line in whole.splitlines():
            try:
                value = json.loads(line)
            except ValueError:
                value = None
            if isinstance(value, dict) and isinstance(value.get("step"), int):
                values.append(value)
            else:
                damaged += 1
        return Lines(values, damaged, Mark(position, _tail(file, position)), again)


def read_first_tags(path: Path) -> list[str]:
    """The tags of the first row; empty where there is none yet, or it is damaged."""
    try:
        with path.open("rb") as file:
            row = json.loads(file.readline())
    except (OSError, ValueError):
        return []
    return [*row] if isinstance(row, dict) else []


def _tail(file: Any, position: int) -> str:
    start = max(0, position - _TAIL)
    file.seek(start)
    tail = file.read(position - start)
    return hashlib.sha256(tail).hexdigest()[:16] if len(tail) == position - start else "cut off"
