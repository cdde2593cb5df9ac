"""The data sets by name: what `bnrepro data` lists, fetches and verifies."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bnrepro.data.mnist import fetch_mnist, find_mnist, verify_mnist
from bnrepro.errors import UserError


@dataclass(frozen=True)
class Source:
    """A data set kept in files.

    Attributes:
        find: its folder, or None where it is not on this machine.
        fetch: download it and return its folder.
        verify: check every file; return the files that were checked.
    """

    find: Callable[[], Path | None]
    fetch: Callable[[], Path]
    verify: Callable[[Path], list[Path]]


SOURCES = {"mnist": Source(find_mnist, fetch_mnist, verify_mnist)}
"""Data sets kept in files; those not named here are embedded in installed packages."""


def fetch(name: str) -> Path | None:
    """The folder of a data set, downloaded if it is not there; None: embedded, no folder."""
    source = SOURCES.get(name)
    if source is None:
        return None
    return source.find() or source.fetch()


def verify(name: str) -> list[Path]:
    """The files of a data set after each was checked against its checksum.

    Raises:
        UserError: the data set is not on this machine, or a file is missing, cut short or altered.
    """
    source = SOURCES.get(name)
    if source is None:
        return []
    folder = source.find()
    if folder is None:
        raise UserError(f"{name}: not on this machine; run `bnrepro data fetch {name}`")
    return source.verify(folder)
