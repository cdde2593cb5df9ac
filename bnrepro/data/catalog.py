"""The data sets by name: what `bnrepro data` lists, fetches and verifies. Imports no torch."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bnrepro.data.folders import find_tree
from bnrepro.data.image_archives import (
    IMAGENETTE,
    TINY_IMAGENET,
    fetch_imagenet,
    fetch_imagenette,
    fetch_tiny_imagenet,
)
from bnrepro.data.image_tree import read_image_tree
from bnrepro.data.imagenet import IMAGENET, check_archives, is_archived
from bnrepro.data.mnist_files import fetch_mnist, find_mnist, verify_mnist
from bnrepro.data.prepared_files import prepared_sets, verify_prepared
from bnrepro.errors import UserError


@dataclass(frozen=True)
class Source:
    """A data set kept in files.

    Attributes:
        find: its folder, or None where it is not on this machine.
        fetch: download it and return its folder.
        verify: check the files; return what was found good, a line each.
        advice: how it is had, where it is not on this machine.
    """

    find: Callable[[], Path | None]
    fetch: Callable[[], Path]
    verify: Callable[[Path], list[str]]
    advice: str


def _fetched(name: str) -> str:
    return f"run `bnrepro data fetch {name}`"


def _image_tree(folder: str, fetch: Callable[[], Path], advice: str) -> Source:
    return Source(lambda: find_tree(folder), fetch, _verify_image_tree, advice)


def _verify_image_tree(folder: Path) -> list[str]:
    archives = check_archives(folder, Console()) if is_archived(folder) else []
    tree = read_image_tree(folder, num_classes=None)
    images = [
        f"{folder / split}: {len(files):,} images of {len(tree.classes)} classes"
        for split, files in (("train", tree.train), ("val", tree.val))
    ]
    return archives + images + verify_prepared(prepared_sets(), folder.name)


SOURCES = {
    "mnist": Source(find_mnist, fetch_mnist, verify_mnist, _fetched("mnist")),
    "tiny_imagenet": _image_tree(TINY_IMAGENET, fetch_tiny_imagenet, _fetched("tiny_imagenet")),
    "imagenette": _image_tree(IMAGENETTE, fetch_imagenette, _fetched("imagenette")),
    "imagenet": _image_tree(
        IMAGENET, fetch_imagenet, "get its archives from image-net.org, which asks for an account"
    ),
}
"""Data sets kept in files; those not named here are embedded in installed packages."""


def fetch(name: str) -> Path | None:
    """The folder of a data set, downloaded if it is not there; None: embedded, no folder.

    Raises:
        UserError: it cannot be had; says what to do.
    """
    source = SOURCES.get(name)
    if source is None:
        return None
    return source.find() or source.fetch()


def verify(name: str) -> list[str]:
    """What was found good in the files of a data set; empty: it has none.

    Of an image set that is the images, and what was prepared from them. ``image_folder`` names no
    folder of its own: all prepared sets are checked.

    Raises:
        UserError: the data set is not on this machine, or a file is missing, cut short or altered.
    """
    if name == "image_folder":
        return verify_prepared(prepared_sets())
    source = SOURCES.get(name)
    if source is None:
        return []
    folder = source.find()
    if folder is None:
        raise UserError(f"{name}: not on this machine; {source.advice}")
    return source.verify(folder)
