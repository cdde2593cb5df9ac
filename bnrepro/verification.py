"""Every file of runs and of prepared data against what was written into it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bnrepro.config import read_stored
from bnrepro.data.prepared_files import prepared_sets, set_folders, verify_set
from bnrepro.errors import UserError
from bnrepro.runs import RunDirectory, State, read_rows
from bnrepro.runs.digests import find_damage, read_digests
from bnrepro.training.checkpoint import checkpoint_damage


@dataclass
class Verification:
    """What was compared, and what came of it.

    Attributes:
        runs: how many.
        sets: how many prepared sets of images.
        damage: a line for each damaged file.
        notes: a line for each run that has no digests.
    """

    runs: int = 0
    sets: int = 0
    damage: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def verify_all(runs: Path) -> Verification:
    """Compare every run below a folder, and all prepared data."""
    folders = {file.parent for name in _MARKS for file in runs.glob(f"**/{name}")}
    done = verify_runs([RunDirectory(folder) for folder in sorted(folders)])
    for folder in set_folders(prepared_sets()):
        done.sets += 1
        try:
            verify_set(folder)
        except UserError as error:
            done.damage.append(str(error))
    return done


def verify_runs(directories: Sequence[RunDirectory]) -> Verification:
    """Compare some runs; one that is going on, up to its last checkpoint."""
    done = Verification()
    for directory in directories:
        done.runs += 1
        done.damage += _damage(directory)
        if not directory.digests.exists():
            done.notes.append(f"{directory.path}: no digest: made by an earlier version")
    return done


_MARKS = ("config.yaml", "status.json")  # of a run directory: either may be lost


def _damage(directory: RunDirectory) -> Iterator[str]:
    if not directory.config.exists():
        yield f"{directory.config}: missing"
    elif read_stored(directory.config) is None:
        yield f"{directory.config}: damaged, or written by another version of bnrepro"
    status = directory.read_status()
    if status is None and not directory.is_locked():
        yield f"{directory.status}: missing or damaged"
    state = status.state if status else State.FAILED
    if state is State.FINISHED and not directory.weights.exists():
        yield f"{directory.weights}: missing"
    try:
        digests = read_digests(directory)
    except UserError as error:
        yield str(error)
        digests = {}
    for name, digest in digests.items():
        file = directory.path / name
        if file == directory.weights and not file.exists():
            continue  # said above
        if damage := find_damage(file, digest, is_whole=state.is_final):
            yield f"{file}: {damage}"
    if directory.metrics.name not in digests:
        yield from _unreadable_rows(directory.metrics)
    for file, damage in checkpoint_damage(directory).items():
        if damage:
            yield f"{file}: {damage}"


def _unreadable_rows(metrics: Path) -> Iterator[str]:
    try:
        for _ in read_rows(metrics):
            pass
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        yield f"{metrics}: {error}"
