"""Where the bytes of an image are. Imports no image library."""

import errno
import stat
from pathlib import Path
from typing import NamedTuple

from bnrepro.messages import printable


class ImageFile(NamedTuple):
    """A file of its own, or a stretch of an archive, which need not be unpacked.

    Attributes:
        path: the file, or the archive.
        member: its name in the archive; empty: a file of its own.
        offset: where it begins in the archive, in bytes.
        length: in bytes, in an archive.
    """

    path: Path
    member: str = ""
    offset: int = 0
    length: int = 0

    def __str__(self) -> str:
        return printable(f"{self.path}:{self.member}" if self.member else self.path)

    def read(self) -> bytes:
        """The content.

        Raises:
            OSError: it cannot be read.
        """
        if self.member:
            with self.path.open("rb", buffering=0) as archive:
                archive.seek(self.offset)
                return archive.read(self.length)
        if not stat.S_ISREG(self.path.stat().st_mode):  # reading a pipe would wait for ever
            raise OSError(errno.EINVAL, "not a regular file")
        return self.path.read_bytes()
