"""The checksum of an exported file: of every one of its bytes, whatever the format.

Somewhere in the file (where, the format says) stands ``bnrepro <format> sha256 <64 digits>``: the
SHA-256 of the whole file with zeros in the place of these digits. So it is compared before anything
is parsed, and no byte can change unnoticed: weights, graph, description or padding. It shows damage
and mistakes; who wants to forge a file can write a new checksum.
"""

import hashlib
import re

from bnrepro.errors import UserError

_ZEROS = b"0" * 64
_SEAL = re.compile(rb"bnrepro ([a-z0-9]{1,20}) sha256 ([0-9a-f]{64})")


def open_seal(name: str) -> str:
    """What a writer puts into its file for `seal` to fill in: ASCII, of fixed length.

    Args:
        name: of the format.
    """
    return f"bnrepro {name} sha256 {_ZEROS.decode()}"


def seal(content: bytes) -> bytes:
    """The file with its checksum filled in; it has the same length.

    Raises:
        ValueError: there is not exactly one place for it.
    """
    (place,) = _SEAL.finditer(content)
    digest = hashlib.sha256(content).hexdigest().encode()
    return content[: place.start(2)] + digest + content[place.end(2) :]


def check_seal(source: str, content: bytes) -> str:
    """Compare a file with its checksum.

    Args:
        source: of the content, for messages.
        content: the whole file.

    Returns:
        The name of its format.

    Raises:
        UserError: it has no checksum, or is not what was written.
    """
    seals = list(_SEAL.finditer(content))
    if len(seals) != 1:
        raise UserError(
            f"{source}: damaged, or not written by bnrepro; give a file from `bnrepro export`"
        )
    (place,) = seals
    view = memoryview(content)  # a slice of the bytes themselves would be a copy
    digest = hashlib.sha256(view[: place.start(2)])
    digest.update(_ZEROS)
    digest.update(view[place.end(2) :])
    if digest.hexdigest().encode() != place[2]:
        raise UserError(
            f"{source}: altered or damaged since it was exported; copy or export it again"
        )
    return place[1].decode()
