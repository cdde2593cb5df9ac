"""The zip archives that torch writes, with a description and a seal.

The description is an extra file in torch's sense. The seal is the archive's comment: a member has a
checksum of its own, which would change with it.
"""

import io
import zipfile

from bnrepro.inference.checksum import open_seal

EXTRA_FILE = "bnrepro.json"
"""The description's name among the extra files."""


def with_open_seal(archive: bytes, name: str) -> bytes:
    """The archive with an open seal of the format ``name``."""
    file = io.BytesIO(archive)
    with zipfile.ZipFile(file, "a") as opened:
        opened.comment = open_seal(name).encode()
    return file.getvalue()


def read_extra_file(archive: bytes) -> str:
    """The description in an archive."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        (member,) = (n for n in opened.namelist() if n.endswith(f"/extra/{EXTRA_FILE}"))
        return opened.read(member).decode()
