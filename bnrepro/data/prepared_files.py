"""The files of a prepared image set: the images of each split, and ``index.json``.

Below the folder of all prepared sets each format has a folder, and each set one in that. Imports
no torch.
"""

import glob
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from platformdirs import user_cache_path

from bnrepro.errors import UserError

# A folder name. The number goes up where the pixels made of a picture can change, or what the index
# holds: 2 has one decoder with `predict` (16 bits, EXIF, transparency), and a digest of the index;
# 3 may store JPEG, and holds what the classes are called.
_FORMAT = "format-3"

SplitName = Literal["train", "val"]
SPLITS: tuple[SplitName, ...] = ("train", "val")

Storage = Literal["pixels", "jpeg"]
"""How images are stored, one after the other: as (3, size, size) uint8, or each as a JPEG file."""

JPEG_QUALITY = 90

_SUFFIXES = {"pixels": ".u8", "jpeg": ".jpegs"}


@dataclass(frozen=True)
class PreparedSplit:
    """What the index says of a split.

    Attributes:
        labels: of the images, in the order of the file.
        lengths: of the JPEG of each image, in bytes; empty where pixels are stored.
        sha256: of the file of images.
        converted: files that were not in RGB, each with its mode.
        dropped: files that were left out, each with the reason.
    """

    labels: list[int]
    lengths: list[int]
    sha256: str
    converted: list[str]
    dropped: list[str]


@dataclass(frozen=True)
class Index:
    """What ``index.json`` says.

    Attributes:
        source: the image tree, or the folder of the archives.
        storage: how the images are stored.
        size: height and width of the images, in pixels.
        classes: names; a label is a position here.
        descriptions: the names, each followed by its words where the set lists them.
        train_val_duplicates: how many images of val stand byte for byte in train.
        ignored: how many files were no images by their names, by suffix.
        splits: by name.
    """

    source: str
    storage: Storage
    size: int
    classes: list[str]
    descriptions: list[str]
    train_val_duplicates: int
    ignored: Mapping[str, int]
    splits: Mapping[SplitName, PreparedSplit]

    def num_bytes(self, name: SplitName) -> int:
        """Of a split's file of images."""
        if self.storage == "jpeg":
            return sum(self.splits[name].lengths)
        return len(self.splits[name].labels) * 3 * self.size * self.size


def prepared_sets() -> Path:
    """The folder of all prepared sets, in the user's cache folder."""
    return user_cache_path("bnrepro") / "prepared"


def set_folder(sets: Path, name: str) -> Path:
    """The folder of a set in this version's format."""
    return sets / _FORMAT / name


def index_file(folder: Path) -> Path:
    """Written last: where it is, the set is complete."""
    return folder / "index.json"


def images_file(folder: Path, name: SplitName, storage: Storage = "pixels") -> Path:
    """The images of a split, one after the other."""
    return folder / f"{name}{_SUFFIXES[storage]}"


def write_index(folder: Path, index: Index) -> None:
    """Write the index with its digest; seen only when complete."""
    partial = index_file(folder).with_suffix(".partial")
    partial.write_text(_seal(asdict(index)))
    partial.replace(index_file(folder))


def read_index(folder: Path) -> Index:
    """The index, after its digest was compared.

    Raises:
        UserError: it is missing, or differs by a byte from what was written.
    """
    path = index_file(folder)
    try:
        text = path.read_bytes().decode()
        values = json.loads(text)["index"]
        is_whole = text == _seal(values)
    except (OSError, ValueError, LookupError, TypeError):
        is_whole = False
    if not is_whole:
        raise damage(path)
    splits = {name: PreparedSplit(**split) for name, split in values.pop("splits").items()}
    return Index(splits=splits, **values)


def verify_prepared(sets: Path, source: str | None = None) -> list[str]:
    """Compare every byte of prepared sets with its digest.

    Args:
        sets: the folder of all prepared sets; see `prepared_sets`.
        source: only the sets made from image trees of this folder name; None: all.

    Returns:
        A line for each set.

    Raises:
        UserError: the first file that is missing or altered.
    """
    return [verify_set(folder) for folder in set_folders(sets, source)]


def set_folders(sets: Path, source: str | None = None) -> list[Path]:
    """The folders of prepared sets in this version's format; arguments as of `verify_prepared`."""
    name = "*" if source is None else f"{glob.escape(source)}-*"
    return [index.parent for index in sorted((sets / _FORMAT).glob(f"{name}/index.json"))]


def verify_set(folder: Path) -> str:
    """Compare every byte of a prepared set with its digest; a line that describes it.

    Raises:
        UserError: the first file that is missing or altered.
    """
    index = read_index(folder)
    for name in SPLITS:
        path = images_file(folder, name, index.storage)
        if not path.is_file() or sha256(path) != index.splits[name].sha256:
            raise damage(path)
    counts = " and ".join(f"{len(index.splits[name].labels):,} of {name}" for name in SPLITS)
    return f"{folder}: prepared images, {counts}"


def sha256(path: Path) -> str:
    """The digest of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def damage(path: Path) -> UserError:
    """What to raise where a file of a prepared set is not what was written."""
    return UserError(f"{path}: missing or altered; remove {path.parent} to have it prepared again")


def _seal(values: dict[str, object]) -> str:
    """The text of ``index.json``, which is the only one that these values have."""
    content = json.dumps(values)
    digest = hashlib.sha256(content.encode()).hexdigest()
    return f'{{"sha256": "{digest}", "index": {content}}}\n'
