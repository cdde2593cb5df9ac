"""ImageNet's official files, with few and small images in them."""

import io
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import scipy.io

TRAIN, VAL, DEVKIT = (
    "ILSVRC2012_img_train.tar",
    "ILSVRC2012_img_val.tar",
    "ILSVRC2012_devkit_t12.tar.gz",
)


def write_archives(
    folder: Path, train: Mapping[str, Sequence[bytes]], val: Sequence[tuple[str, bytes]]
) -> None:
    """Archive images as image-net.org does.

    Args:
        folder: is made.
        train: the JPEG files of each class, by its WordNet number.
        val: class and JPEG file of each image.
    """
    folder.mkdir(parents=True)
    with tarfile.open(folder / TRAIN, "w") as archive:
        for name, images in train.items():
            inner = io.BytesIO()
            with tarfile.open(fileobj=inner, mode="w") as of_class:
                for i, content in enumerate(images):
                    _add(of_class, f"{name}_{i}.JPEG", content)
            _add(archive, f"{name}.tar", inner.getvalue())
    with tarfile.open(folder / VAL, "w") as archive:
        for i, (_, content) in enumerate(val, start=1):
            _add(archive, f"ILSVRC2012_val_{i:08d}.JPEG", content)
    names = sorted(train)
    truth = "".join(f"{names.index(name) + 1}\n" for name, _ in val)
    with tarfile.open(folder / DEVKIT, "w:gz") as archive:
        kit = DEVKIT.removesuffix(".tar.gz")
        _add(archive, f"{kit}/data/meta.mat", _meta(names))
        _add(archive, f"{kit}/data/ILSVRC2012_validation_ground_truth.txt", truth.encode())


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def _meta(names: Sequence[str]) -> bytes:
    """The table of synsets: the classes, and what is above them in WordNet."""
    fields = (
        *("ILSVRC2012_ID", "WNID", "words", "gloss", "num_children", "children"),
        *("wordnet_height", "num_train_images"),
    )
    rows = [
        (float(i), name, f"word of {name}, other", "a gloss", 0.0, np.zeros(0), 0.0, 1300.0)
        for i, name in enumerate(names, start=1)
    ]
    children = np.arange(1.0, len(names) + 1)
    above = (len(names) + 1.0, "n00001740", "entity", "all", float(len(names)), children, 1.0, 0.0)
    table = np.empty((len(rows) + 1, 1), dtype=[(field, object) for field in fields])
    for i, row in enumerate([*rows, above]):
        table[i, 0] = row
    file = io.BytesIO()
    scipy.io.savemat(file, {"synsets": table})
    return file.getvalue()
