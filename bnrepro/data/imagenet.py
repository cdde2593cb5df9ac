"""ImageNet (ILSVRC2012) in its official files: two archives of images, and the devkit.

The archives are read in place: `ILSVRC2012_img_train.tar` holds an archive for each class, and an
image is a stretch of it. Imports no torch.
"""

import hashlib
import io
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from rich import progress
from rich.console import Console

from bnrepro.data.image_file import ImageFile
from bnrepro.errors import UserError

IMAGENET = "imagenet"  # its folder
TRAIN_ARCHIVE = "ILSVRC2012_img_train.tar"
VAL_ARCHIVE = "ILSVRC2012_img_val.tar"
DEVKIT = "ILSVRC2012_devkit_t12"
_DEVKIT_ARCHIVE = f"{DEVKIT}.tar.gz"

_BLOCK = 2**22  # bytes

ADVICE = (
    f"get {TRAIN_ARCHIVE}, {VAL_ARCHIVE} and {_DEVKIT_ARCHIVE} from image-net.org, "
    "which asks for an account, and put them there"
)


class _Official(NamedTuple):
    num_bytes: int
    md5: str


# As published; other files of these names are read, too, and said to be others.
_OFFICIAL = {
    TRAIN_ARCHIVE: _Official(147_897_477_120, "1d675b47d978889d74fa0da5fadfb00e"),
    VAL_ARCHIVE: _Official(6_744_924_160, "29b22e2961454d5413ddabcf34fc5622"),
    _DEVKIT_ARCHIVE: _Official(2_568_145, "fa75699e90414af021442c21a62c3abf"),
}


class Devkit(NamedTuple):
    """What the devkit says.

    Attributes:
        words: what each class is called, by its WordNet number: ``n07768694``.
        val_classes: of the validation images, in the order of their names.
    """

    words: Mapping[str, str]
    val_classes: Sequence[str]


def is_archived(folder: Path) -> bool:
    """Whether an official archive is there, and not unpacked."""
    is_unpacked = (folder / "train").is_dir()
    return not is_unpacked and any((folder / name).is_file() for name in _OFFICIAL)


def archives(folder: Path) -> list[Path]:
    """The official files.

    Raises:
        UserError: names those that are missing.
    """
    paths = [folder / name for name in _OFFICIAL]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise UserError(f"{folder}: {' and '.join(missing)} missing; {ADVICE}")
    return paths


def check_archives(folder: Path, console: Console) -> list[str]:
    """Compare the official files with their published MD5 digests; minutes for all of ImageNet.

    Args:
        folder: holds them.
        console: progress.

    Returns:
        A line for each file: good, or of another size than the official one and so not compared.

    Raises:
        UserError: one is missing, or has the official size and other bytes.
    """
    lines = []
    for path in archives(folder):
        official = _OFFICIAL[path.name]
        num_bytes = path.stat().st_size
        if num_bytes != official.num_bytes:
            lines.append(
                f"{path}: {num_bytes:,} bytes, the official file has {official.num_bytes:,}: "
                "its checksum was not compared"
            )
            continue
        digest = hashlib.md5(usedforsecurity=False)
        with progress.open(
            path, "rb", description=f"checking {path.name}", console=console, transient=True
        ) as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        if digest.hexdigest() != official.md5:
            raise UserError(f"{path}: damaged (its MD5 is not {official.md5}); get it again")
        lines.append(f"{path}: the official file")
    return lines


def train_classes(folder: Path) -> dict[str, tarfile.TarInfo]:
    """The archive of each class in that of the training images, by the class's name."""
    with _open(folder / TRAIN_ARCHIVE) as archive:
        return {Path(member.name).stem: member for member in _members(archive)}


def train_images(folder: Path, of_class: tarfile.TarInfo) -> list[ImageFile]:
    """The images of a class, sorted by name; see `train_classes`."""
    path = folder / TRAIN_ARCHIVE
    with _open(path) as archive, _open(path, archive.extractfile(of_class)) as inner:
        return _images(path, inner, of_class.offset_data)


def val_images(folder: Path) -> list[ImageFile]:
    """The validation images, sorted by name."""
    path = folder / VAL_ARCHIVE
    with _open(path) as archive:
        return _images(path, archive, 0)


def read_devkit(folder: Path) -> Devkit | None:
    """The devkit, as an archive or unpacked; None: it is not there.

    Raises:
        UserError: its files are missing or damaged.
    """
    place = folder / DEVKIT if (folder / DEVKIT).is_dir() else folder / _DEVKIT_ARCHIVE
    if not place.exists():
        return None
    import scipy.io

    try:
        meta, truth = _devkit_files(place)
        synsets = scipy.io.loadmat(io.BytesIO(meta), squeeze_me=True)["synsets"]
        # The first 1,000 are the classes; what is above them in WordNet has children.
        leaves = synsets[synsets["num_children"] == 0]
        names = dict(zip(leaves["ILSVRC2012_ID"].tolist(), leaves["WNID"].tolist(), strict=True))
        words = dict(zip(leaves["WNID"].tolist(), leaves["words"].tolist(), strict=True))
        return Devkit(words, [names[int(line)] for line in truth.split()])
    except (OSError, EOFError, tarfile.TarError, LookupError, ValueError, TypeError) as error:
        raise UserError(f"{place}: not ImageNet's devkit, or damaged ({error})") from error


def _devkit_files(place: Path) -> tuple[bytes, bytes]:
    names = "data/meta.mat", "data/ILSVRC2012_validation_ground_truth.txt"
    if place.is_dir():
        meta, truth = ((place / name).read_bytes() for name in names)
        return meta, truth
    with tarfile.open(place) as archive:
        files = [archive.extractfile(f"{DEVKIT}/{name}") for name in names]
        meta, truth = (file.read() if file else b"" for file in files)
        return meta, truth


def _open(path: Path, file: IO[bytes] | None = None) -> tarfile.TarFile:
    try:
        return tarfile.open(path, "r:", fileobj=file)
    except tarfile.TarError as error:
        raise _cut_short(path, error) from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error


def _members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    try:
        yield from (member for member in archive if member.isfile())
    except tarfile.TarError as error:
        raise _cut_short(Path(str(archive.name)), error) from error


def _images(path: Path, archive: tarfile.TarFile, offset: int) -> list[ImageFile]:
    return sorted(
        ImageFile(path, member.name, offset + member.offset_data, member.size)
        for member in _members(archive)
    )


def _cut_short(path: Path, error: Exception) -> UserError:
    return UserError(f"{path}: no archive, or cut short ({error}); get it again")
