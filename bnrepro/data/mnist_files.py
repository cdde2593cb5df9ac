"""The files of MNIST: found on disk, verified, or downloaded once. Imports no torch."""

import errno
import gzip
import hashlib
import tempfile
import zlib
from pathlib import Path

from bnrepro.data.folders import downloading, first_root, roots
from bnrepro.errors import UserError

# SHA-256 of the four files of the original distribution, decompressed.
_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def find_mnist(root: str | None = None) -> Path | None:
    """The first folder that holds a file of MNIST, in torchvision's layout or plain."""
    for base in roots(root):
        for folder in (base / "mnist" / "MNIST" / "raw", base / "MNIST" / "raw", base):
            if any(_file(folder, name) for name in _SHA256):
                return folder
    return None


def fetch_mnist(root: str | None = None) -> Path:
    """Download MNIST with torchvision (progress shown, checksums verified) and return its folder.

    It is written beside its place and moved there when complete: half a download is never seen.

    Raises:
        UserError: no connection, or the folder cannot be written; says what to do.
    """
    from torchvision.datasets import MNIST

    target = first_root(root) / "mnist"
    by_hand = f"put the four train-* and t10k-* .gz files of MNIST into {target / 'MNIST' / 'raw'}"
    places = ", ".join(map(str, roots(root)))
    with (
        downloading(
            "data=mnist", target, f"{by_hand}, or use data=digits (looked for in {places})"
        ),
        tempfile.TemporaryDirectory(prefix=".download-", dir=target) as partial,
    ):
        MNIST(partial, download=True)
        _move_into_place(Path(partial, "MNIST", "raw"), target / "MNIST" / "raw")
    return target / "MNIST" / "raw"


def _move_into_place(downloaded: Path, raw: Path) -> None:
    """Show the complete download in one move; into a folder that exists already, file by file."""
    raw.parent.mkdir(exist_ok=True)
    try:
        downloaded.rename(raw)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        for file in downloaded.iterdir():
            file.replace(raw / file.name)


def verify_mnist(folder: Path) -> list[str]:
    """Check every file against its SHA-256 and return their paths.

    Raises:
        UserError: the first file that is missing, cut short or altered.
    """
    for name in _SHA256:
        read_mnist_file(folder, name)
    return [str(_file(folder, name)) for name in _SHA256]


def _file(folder: Path, name: str) -> Path | None:
    """The file, compressed or not."""
    for path in (folder / f"{name}.gz", folder / name):
        if path.is_file():
            return path
    return None


def read_mnist_file(folder: Path, name: str) -> bytes:
    """The decompressed contents of a file, after its checksum was compared.

    Args:
        folder: see `find_mnist`.
        name: such as ``train-images-idx3-ubyte``.

    Raises:
        UserError: the file is missing, cut short or altered.
    """
    path = _file(folder, name)
    remedy = f"put the original there, or remove all files of MNIST in {folder} to download them"
    if path is None:
        raise UserError(f"{folder / name}.gz: missing; {remedy}")
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path}: cut short or not a gzip file; {remedy}") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    if hashlib.sha256(raw).hexdigest() != _SHA256[name]:
        raise UserError(f"{path}: not the original file (its checksum differs); {remedy}")
    return raw
