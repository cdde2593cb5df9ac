"""digests.json: what the files that a result rests on held when the run last saved them.

For each file its length and SHA-256. Rows are only added: of ``metrics.jsonl`` and
``histograms.jsonl`` the digest is that of their first bytes, up to the last checkpoint or the end.
A run of an earlier version has no digests.
"""

import hashlib
import json
import math
from pathlib import Path
from typing import NamedTuple

from bnrepro.errors import UserError
from bnrepro.runs.atomic import write_atomically
from bnrepro.runs.directory import RunDirectory

_BLOCK = 2**20  # bytes


class Digest(NamedTuple):
    """Of the first bytes of a file.

    Attributes:
        size: how many bytes.
        sha256: their SHA-256, in hexadecimal.
    """

    size: int
    sha256: str


class GrowingDigest:
    """The digest of a file that is only added to: every byte is read once.

    Args:
        file: need not be there yet.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self._size = 0

    def update(self, end: float = math.inf) -> Digest:
        """Read what was added since the last time, up to a length in bytes."""
        with self._file.open("rb") as content:
            content.seek(self._size)
            while block := content.read(int(min(_BLOCK, end - self._size))):
                self._hash.update(block)
                self._size += len(block)
        return Digest(self._size, self._hash.hexdigest())


def digest_of(file: Path) -> Digest:
    """Of a whole file."""
    return GrowingDigest(file).update()


class DigestWriter:
    """Keeps the digests of a run that is going on.

    Args:
        directory: of the run.
    """

    def __init__(self, directory: RunDirectory) -> None:
        self._directory = directory
        self._digests = {file: GrowingDigest(file) for file in _growing(directory)}

    def write(self) -> None:
        """Replace digests.json by one of what is recorded now."""
        digests = {
            file.name: digest.update() for file, digest in self._digests.items() if file.exists()
        }
        _write(self._directory, digests)


def add_weights(directory: RunDirectory) -> None:
    """Add the digest of the final weights."""
    digests = read_digests(directory) | {directory.weights.name: digest_of(directory.weights)}
    _write(directory, digests)


def read_digests(directory: RunDirectory) -> dict[str, Digest]:
    """The digests by file name; none of a run that an earlier version made.

    Raises:
        UserError: digests.json is damaged.
    """
    names = {file.name for file in (directory.weights, *_growing(directory))}
    try:
        values = json.loads(directory.digests.read_bytes())
        digests = {name: Digest(**fields) for name, fields in values.items()}
        is_whole = digests.keys() <= names and all(map(_is_digest, digests.values()))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError):
        is_whole = False
    if not is_whole:
        raise UserError(
            f"{directory.digests}: damaged; remove it to use the run's files unchecked, as those "
            "of an earlier version"
        )
    return digests


def check_weights(directory: RunDirectory, content: bytes) -> None:
    """Compare the final weights with their digest; those of an earlier version have none.

    Args:
        directory: of the run.
        content: of its weights file.

    Raises:
        UserError: they differ, or digests.json is damaged.
    """
    digest = read_digests(directory).get(directory.weights.name)
    if digest and digest != Digest(len(content), hashlib.sha256(content).hexdigest()):
        raise UserError(
            f"{directory.weights}: altered or damaged since it was written; `bnrepro train` with "
            "the run's overrides writes it again from the checkpoint"
        )


def check_rows(directory: RunDirectory, metrics_bytes: int) -> None:
    """Compare what a run recorded with its digests, before it is added to.

    Args:
        directory: of the run.
        metrics_bytes: of metrics.jsonl that will be kept. Where the file has these and no longer
            those of the digest, there is nothing to compare with.

    Raises:
        UserError: it differs, or digests.json is damaged.
    """
    digests = read_digests(directory)
    for file in _growing(directory):
        digest = digests.get(file.name)
        if digest is None or (
            file == directory.metrics and metrics_bytes <= file.stat().st_size < digest.size
        ):
            continue
        if damage := find_damage(file, digest, is_whole=False):
            raise UserError(
                f"{file}: {damage}; remove {directory.path} to train the run again from step 0"
            )


def find_damage(file: Path, digest: Digest, is_whole: bool) -> str:
    """What is wrong with a file; empty: nothing.

    Args:
        file: to compare.
        digest: of what it held.
        is_whole: whether nothing may have been added since.
    """
    try:
        size = file.stat().st_size
        if size < digest.size:
            return f"cut off: {size:,} of {digest.size:,} bytes"
        if is_whole and size > digest.size:
            return f"{size - digest.size:,} bytes too long"
        if GrowingDigest(file).update(digest.size) != digest:
            return "altered or damaged since it was written"
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return ""


def _growing(directory: RunDirectory) -> tuple[Path, Path]:
    return directory.metrics, directory.histograms


def _is_digest(digest: Digest) -> bool:
    return type(digest.size) is int and type(digest.sha256) is str


def _write(directory: RunDirectory, digests: dict[str, Digest]) -> None:
    values = {name: digest._asdict() for name, digest in digests.items()}
    write_atomically(directory.digests, (json.dumps(values, indent=2) + "\n").encode())
