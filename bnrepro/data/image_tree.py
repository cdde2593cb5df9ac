"""Labelled images on disk: which images and classes a folder holds."""

import os
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bnrepro.data.image_file import ImageFile
from bnrepro.data.imagenet import (
    ADVICE,
    DEVKIT,
    archives,
    is_archived,
    read_devkit,
    train_classes,
    train_images,
    val_images,
)
from bnrepro.errors import UserError
from bnrepro.messages import printable

_SUFFIXES = {
    ".avif",
    ".bmp",
    ".gif",
    ".jpeg",
    ".jpg",
    ".pgm",
    ".png",
    ".ppm",
    ".tif",
    ".tiff",
    ".webp",
}
_CLASS_ORDER_SEED = 2015
_LISTED = 5  # names in a message

# Beside the images: ImageNet and Tiny-ImageNet come with words.txt, some copies with classes.txt.
_LISTS = ("words.txt", "classes.txt")


@dataclass(frozen=True)
class ImageTree:
    """The files of a labelled image set.

    Attributes:
        classes: names; a label is a position here.
        train: (file, label) pairs.
        val: likewise, held out.
        ignored: how many files are no images by their names, by suffix; links to folders, which
            are not followed, count as such.
    """

    classes: tuple[str, ...]
    train: tuple[tuple[ImageFile, int], ...]
    val: tuple[tuple[ImageFile, int], ...]
    ignored: Mapping[str, int]


def read_image_tree(folder: Path, num_classes: int | None) -> ImageTree:
    """List the images of a folder, in one of four layouts.

    - ``train/<class>/**`` and ``val/<class>/**``.
    - Tiny-ImageNet's: the validation images in one folder, with their classes in
      ``val/val_annotations.txt``.
    - ImageNet's archives; see `bnrepro.data.imagenet`.
    - ImageNet's archives unpacked: the validation images in one folder, beside ``train`` and
      ``val`` the devkit.

    Hidden files and folders are no part of the set: editors and systems write them
    (``.ipynb_checkpoints``).

    Args:
        folder: holds ``train`` and ``val``, or the archives.
        num_classes: take this many classes, the first in a fixed shuffle of the sorted names
            (`class_order`); None: all.

    Raises:
        UserError: a folder or archive is missing or cannot be read, a class has no image in one of
            the splits, there are fewer classes than asked for, or fewer than two.
    """
    ignored: Counter[str] = Counter()
    try:
        classes = read_classes(folder, num_classes)
        if is_archived(folder):
            members = train_classes(folder)
            train = [train_images(folder, members[name]) for name in classes]
        else:
            train = [_images(folder / "train" / name, ignored) for name in classes]
        val = _val(folder, classes, ignored)
    except OSError as error:
        name = printable(error.filename or folder)
        raise UserError(f"{name}: cannot be read ({error.strerror})") from error
    for split, files_of_classes in (("train", train), ("val", val)):
        for name, files in zip(classes, files_of_classes, strict=True):
            if not files:
                raise UserError(f"{folder / split}: class {name} has no image there")
    return ImageTree(classes, _labelled(train), _labelled(val), dict(sorted(ignored.items())))


def read_classes(folder: Path, num_classes: int | None) -> tuple[str, ...]:
    """The names of the classes alone, which is fast; see `read_image_tree`."""
    if is_archived(folder):
        archives(folder)
        return _choose(list(train_classes(folder)), num_classes, folder)
    _check_layout(folder)
    train = folder / "train"
    entries = (entry for entry in train.iterdir() if _is_visible(entry.name))
    return _choose([entry.name for entry in entries if entry.is_dir()], num_classes, train)


def class_order(names: Sequence[str]) -> tuple[str, ...]:
    """The sorted names under one fixed shuffle: a prefix of it is a sample of the classes."""
    ordered = sorted(names)
    random.Random(_CLASS_ORDER_SEED).shuffle(ordered)
    return tuple(ordered)


def describe_classes(names: Sequence[str], folder: Path) -> tuple[str, ...]:
    """The classes' folder names, each followed by its words where the set lists them.

    Args:
        names: of the folders, for ImageNet such as n07768694.
        folder: the image tree; a list in it has lines of a name, a tab and words. ImageNet's devkit
            is such a list, too.

    Returns:
        ``n07768694 pomegranate`` and so on.
    """
    devkit = read_devkit(folder)
    words = dict(devkit.words) if devkit else {}
    for file in (folder / name for name in _LISTS):
        if file.is_file():
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
            words |= {name: text for name, _, text in (line.partition("\t") for line in lines)}
    return tuple(f"{name} {words[name]}" if words.get(name) else name for name in names)


def _check_layout(folder: Path) -> None:
    missing = [split for split in ("train", "val") if not (folder / split).is_dir()]
    if missing:
        names = [
            printable(entry.name) + "/" * entry.is_dir()
            for entry in sorted(folder.iterdir())
            if _is_visible(entry.name)
        ]
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        raise UserError(
            f"data.folder={printable(folder)}: has no "
            f"{' and no '.join(f'{name}/' for name in missing)}; it holds "
            f"{', '.join(names[:_LISTED]) or 'nothing'}{more}; an image set is "
            "train/<class>/<image> and val/<class>/<image>"
        )


def _choose(names: Sequence[str], num_classes: int | None, place: Path) -> tuple[str, ...]:
    for name in names:
        if any("\ud800" <= character <= "\udfff" for character in name):
            raise UserError(f"{printable(place / name)}: a class name that is not UTF-8; rename it")
    if len(names) < 2:
        raise UserError(
            f"{place}: classification needs at least two classes, each a folder there; "
            f"there is {', '.join(map(printable, names)) or 'none'}"
        )
    if num_classes == 1:
        raise UserError("data.num_classes=1: classification needs at least two classes")
    if num_classes is not None and num_classes > len(names):
        raise UserError(f"data.num_classes={num_classes}: {place} has only {len(names)}")
    return class_order(names)[:num_classes]


def _val(folder: Path, classes: Sequence[str], ignored: Counter[str]) -> list[list[ImageFile]]:
    """The validation images of each class."""
    if is_archived(folder):
        return _by_devkit(folder, classes, val_images(folder))
    val = folder / "val"
    if (annotations := val / "val_annotations.txt").is_file():
        return _annotated(annotations, classes)
    together = [entry for entry in val.iterdir() if _is_image(entry.name)]
    if together and not any((val / name).is_dir() for name in classes):
        return _by_devkit(folder, classes, sorted(map(ImageFile, together)))
    return [_images(val / name, ignored) for name in classes]


def _by_devkit(
    folder: Path, classes: Sequence[str], images: Sequence[ImageFile]
) -> list[list[ImageFile]]:
    devkit = read_devkit(folder)
    if devkit is None:
        raise UserError(
            f"{folder / 'val'}: images without folders of their classes; put {DEVKIT}.tar.gz from "
            f"image-net.org into {folder}, or sort them into val/<class>/"
        )
    if len(images) != len(devkit.val_classes):
        raise UserError(
            f"{folder}: {len(images):,} validation images, but ImageNet's devkit has classes of "
            f"{len(devkit.val_classes):,}; {ADVICE}"
        )
    of_class: dict[str, list[ImageFile]] = {name: [] for name in classes}
    for image, name in zip(images, devkit.val_classes, strict=True):
        if name in of_class:
            of_class[name].append(image)
    return list(of_class.values())


def _images(folder: Path, ignored: Counter[str]) -> list[ImageFile]:
    """The images of a class, sorted; what else lies there is counted in ``ignored``."""

    def stop(error: OSError) -> None:
        raise error

    images: list[ImageFile] = []
    if not folder.is_dir():
        return images
    for place, folders, files in os.walk(folder, onerror=stop):
        folders[:] = filter(_is_visible, folders)
        ignored.update("linked folder" for name in folders if Path(place, name).is_symlink())
        for name in filter(_is_visible, files):
            if _is_image(name):
                images.append(ImageFile(Path(place, name)))
            else:
                ignored[printable(Path(name).suffix.lower()) or "without suffix"] += 1
    return sorted(images)


def _is_visible(name: str) -> bool:
    return not name.startswith(".")


def _is_image(name: str) -> bool:
    return _is_visible(name) and Path(name).suffix.lower() in _SUFFIXES


def _annotated(annotations: Path, classes: Sequence[str]) -> list[list[ImageFile]]:
    images: dict[str, list[ImageFile]] = {name: [] for name in classes}
    content = annotations.read_text(encoding="utf-8", errors="surrogateescape")
    for line in sorted(content.splitlines()):
        file, _, rest = line.partition("\t")
        name, _, _ = rest.partition("\t")
        if not name:
            raise UserError(f"{annotations}: {line!r}: not a file, a tab and its class")
        if name in images:
            images[name].append(ImageFile(annotations.parent / "images" / file))
    return list(images.values())


def _labelled(files_of_classes: list[list[ImageFile]]) -> tuple[tuple[ImageFile, int], ...]:
    return tuple((file, label) for label, files in enumerate(files_of_classes) for file in files)
