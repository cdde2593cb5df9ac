"""Runs as one small file: what a result was drawn from, without weights and checkpoints."""

import io
import json
import lzma
import tarfile
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

import yaml

from bnrepro.errors import UserError
from bnrepro.runs.atomic import write_atomically
from bnrepro.runs.directory import RunDirectory

_MOST_BYTES = 500_000_000  # of an archive, unpacked


def pack_runs(directories: Iterable[RunDirectory], runs: Path, file: Path) -> None:
    """Write configs, states and rows of some runs into a ``tar.xz``; the same runs, the same bytes.

    What tells of the machine (where the runs and the data lay, its name) is left out.

    Args:
        directories: of the runs.
        runs: the folder that they lie in, whose layout is kept.
        file: to write.
    """
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:xz", preset=9) as archive:
        for directory in sorted(directories, key=lambda one: one.path):
            where = directory.path.relative_to(runs)
            _add(archive, where / directory.config.name, _config(directory))
            _add(archive, where / directory.status.name, _status(directory))
            _add(archive, where / directory.metrics.name, directory.metrics.read_bytes())
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, content.getvalue())


def unpack_runs(file: Path, runs: Path) -> None:
    """Lay packed runs out as run directories; runs that are there stay as they are.

    Raises:
        UserError: the file is damaged, or would write outside ``runs``.
    """
    try:
        with tarfile.open(file, mode="r:xz") as archive:
            members = archive.getmembers()
            if sum(member.size for member in members) > _MOST_BYTES:
                raise UserError(
                    f"{file}: holds more than {_MOST_BYTES / 1e6:,.0f} MB; not unpacked"
                )
            for member in members:
                if not (runs / member.name).exists():
                    archive.extract(member, runs, filter="data")
    except (OSError, tarfile.TarError, EOFError, lzma.LZMAError) as error:
        raise UserError(f"{file}: cannot be unpacked ({error})") from error


def _add(archive: tarfile.TarFile, name: Path, content: bytes) -> None:
    member = tarfile.TarInfo(name.as_posix())
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def _config(directory: RunDirectory) -> bytes:
    content = yaml.safe_load(directory.config.read_text(encoding="utf-8"))
    content["config"]["runtime"]["runs"] = "runs"
    if "root" in content["config"]["data"]:
        content["config"]["data"]["root"] = None
    return yaml.safe_dump(content, sort_keys=False).encode()


def _status(directory: RunDirectory) -> bytes:
    status = directory.read_status()
    if status is None:
        raise UserError(f"{directory.status}: missing or damaged")
    return (json.dumps(asdict(replace(status, pid=0, host="")), indent=2) + "\n").encode()
