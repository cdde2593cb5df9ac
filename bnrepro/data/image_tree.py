"""Trees of image files: which images and classes a folder holds."""

import os
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bnrepro.data.file_names import printable
from bnrepro.errors import UserError

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
    train: tuple[tuple[Path, int], ...]
    val: tuple[tuple[Path, int], ...]
    ignored: Mapping[str, int]


def read_image_tree(folder: Path, num_classes: int | None) -> ImageTree:
    """List the images of ``train/<class>/**`` and ``val/<class>/**``, or Tiny-ImageNet's own val.

    Tiny-ImageNet's official layout keeps the validation images in one folder, with their classes in
    ``val/val_annotations.txt``. Hidden files and folders are no part of the set: editors and
    systems write them (``.ipynb_checkpoints``).

    Args:
        folder: holds ``train`` and ``val``.
        num_classes: take so many classes, the first in a fixed shuffle of the sorted names
            (`class_order`); None: all.

    Raises:
        UserError: a folder is missing or cannot be read, a class has no image in one of the splits,
            there are fewer classes than asked for, or fewer than two.
    """
    try:
        _check_layout(folder)
        classes = _classes(folder / "train", num_classes)
        ignored: Counter[str] = Counter()
        train = [_images(folder / "train" / name, ignored) for name in classes]
        annotations = folder / "val" / "val_annotations.txt"
        if annotations.is_file():
            val = _annotated(annotations, classes)
        else:
            val = [_images(folder / "val" / name, ignored) for name in classes]
    except OSError as error:
        name = printable(error.filename or folder)
        raise UserError(f"{name}: cannot be read ({error.strerror})") from error
    for split, files_of_classes in (("train", train), ("val", val)):
        for name, files in zip(classes, files_of_classes, strict=True):
            if not files:
                raise UserError(f"{folder / split}: class {name} has no image there")
    return ImageTree(classes, _labelled(train), _labelled(val), dict(sorted(ignored.items())))


def class_order(names: Sequence[str]) -> tuple[str, ...]:
    """The sorted names under one fixed shuffle: a prefix of it is a sample of the classes."""
    ordered = sorted(names)
    random.Random(_CLASS_ORDER_SEED).shuffle(ordered)
    return tuple(ordered)


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
            f"{printable(folder)}: has no {' and no '.join(f'{name}/' for name in missing)}, but "
            f"{', '.join(names[:_LISTED]) or 'nothing'}{more}; an image set is "
            "train/<class>/<image> and val/<class>/<image>"
        )


def _classes(train: Path, num_classes: int | None) -> tuple[str, ...]:
    names = [entry.name for entry in train.iterdir() if _is_visible(entry.name) and entry.is_dir()]
    for name in names:
        if any("\ud800" <= character <= "\udfff" for character in name):
            raise UserError(f"{printable(train / name)}: a class name that is not UTF-8; rename it")
    if len(names) < 2:
        raise UserError(
            f"{train}: classification needs at least two classes, each a folder there; "
            f"there is {', '.join(map(printable, names)) or 'none'}"
        )
    if num_classes == 1:
        raise UserError("data.num_classes=1: classification needs at least two classes")
    if num_classes is not None and num_classes > len(names):
        raise UserError(f"data.num_classes={num_classes}: {train} has only {len(names)}")
    return class_order(names)[:num_classes]


def _images(folder: Path, ignored: Counter[str]) -> list[Path]:
    """The images of a class, sorted; what else lies there is counted in ``ignored``."""

    def stop(error: OSError) -> None:
        raise error

    images: list[Path] = []
    if not folder.is_dir():
        return images
    for place, folders, files in os.walk(folder, onerror=stop):
        folders[:] = filter(_is_visible, folders)
        ignored.update("linked folder" for name in folders if Path(place, name).is_symlink())
        for name in filter(_is_visible, files):
            path = Path(place, name)
            if path.suffix.lower() in _SUFFIXES:
                images.append(path)
            else:
                ignored[printable(path.suffix.lower()) or "without suffix"] += 1
    return sorted(images)


def _is_visible(name: str) -> bool:
    return not name.startswith(".")


def _annotated(annotations: Path, classes: tuple[str, ...]) -> list[list[Path]]:
    images: dict[str, list[Path]] = {name: [] for name in classes}
    content = annotations.read_text(encoding="utf-8", errors="surrogateescape")
    for line in sorted(content.splitlines()):
        file, _, rest = line.partition("\t")
        name, _, _ = rest.partition("\t")
        if not name:
            raise UserError(f"{annotations}: {line!r}: not a file, a tab and its class")
        if name in images:
            images[name].append(annotations.parent / "images" / file)
    return list(images.values())


def _labelled(files_of_classes: list[list[Path]]) -> tuple[tuple[Path, int], ...]:
    return tuple((path, label) for label, files in enumerate(files_of_classes) for path in files)
