"""Trees of image files: which images and classes a folder holds."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bnrepro.errors import UserError

_SUFFIXES = {".jpeg", ".jpg", ".png", ".bmp", ".webp"}
_CLASS_ORDER_SEED = 2015


@dataclass(frozen=True)
class ImageTree:
    """The files of a labelled image set.

    Attributes:
        classes: names; a label is a position here.
        train: (file, label) pairs.
        val: likewise, held out.
    """

    classes: tuple[str, ...]
    train: tuple[tuple[Path, int], ...]
    val: tuple[tuple[Path, int], ...]


def read_image_tree(folder: Path, num_classes: int | None) -> ImageTree:
    """List the images of ``train/<class>/**`` and ``val/<class>/**``, or Tiny-ImageNet's own val.

    Tiny-ImageNet's official layout keeps the validation images in one folder, with their classes in
    ``val/val_annotations.txt``.

    Args:
        folder: holds ``train`` and ``val``.
        num_classes: take so many classes, the first in a fixed shuffle of the sorted names
            (`class_order`); None: all.

    Raises:
        UserError: a folder is missing, a class has no image in one of the splits, or there are
            fewer classes than asked for.
    """
    for split in ("train", "val"):
        if not (folder / split).is_dir():
            raise UserError(f"{folder / split}: no such folder; an image set has train/ and val/")
    names = [entry.name for entry in (folder / "train").iterdir() if entry.is_dir()]
    classes = class_order(names)
    if num_classes is not None:
        if num_classes > len(classes):
            raise UserError(
                f"data.num_classes={num_classes}: {folder / 'train'} has only {len(classes)}"
            )
        classes = classes[:num_classes]
    train = [_images(folder / "train" / name) for name in classes]
    annotations = folder / "val" / "val_annotations.txt"
    if annotations.is_file():
        val = _annotated(annotations, classes)
    else:
        val = [_images(folder / "val" / name) for name in classes]
    for split, found in (("train", train), ("val", val)):
        for name, files in zip(classes, found, strict=True):
            if not files:
                raise UserError(f"{folder / split}: class {name} has no image there")
    return ImageTree(classes, _labelled(train), _labelled(val))


def class_order(names: Sequence[str]) -> tuple[str, ...]:
    """The sorted names under one fixed shuffle: a prefix of it is a sample of the classes."""
    ordered = sorted(names)
    random.Random(_CLASS_ORDER_SEED).shuffle(ordered)
    return tuple(ordered)


def _images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)


def _annotated(annotations: Path, classes: tuple[str, ...]) -> list[list[Path]]:
    found: dict[str, list[Path]] = {name: [] for name in classes}
    for line in sorted(annotations.read_text(encoding="utf-8").splitlines()):
        file, name = line.split("\t")[:2]
        if name in found:
            found[name].append(annotations.parent / "images" / file)
    return list(found.values())


def _labelled(found: list[list[Path]]) -> tuple[tuple[Path, int], ...]:
    return tuple((path, label) for label, files in enumerate(found) for path in files)
