"""metrics.jsonl: what a run recorded, a row a line, and nothing that depends on the clock."""

import json
import os
from pathlib import Path

from bnrepro.errors import RunDeletedError
from bnrepro.training.measurement import Measurement
from bnrepro.training.observers.observer import Observer


class Recorder(Observer):
    """Appends rows.

    Args:
        metrics: the file; cut off after ``position`` bytes, so that a resumed run goes on behind
            the rows that its checkpoint knows of.
        position: bytes to keep.
    """

    def __init__(self, metrics: Path, position: int) -> None:
        self._metrics = metrics
        self._file = metrics.open("ab")
        self._file.truncate(position)
        self._file.seek(position)

    @property
    def position(self) -> int:
        """Bytes written."""
        return self._file.tell()

    def on_row(self, measurement: Measurement) -> None:
        """Append a row."""
        self._file.write(json.dumps(measurement.row, allow_nan=False).encode() + b"\n")
        self._file.flush()

    def sync(self) -> None:
        """Force the rows to disk: a checkpoint must not know of rows that a crash can lose.

        Raises:
            RunDeletedError: the file is no longer the one in its folder. What is there now, if
                anything, may be another process's.
        """
        os.fsync(self._file.fileno())
        if not self._is_in_place():
            raise RunDeletedError(
                f"{self._metrics}: deleted while the run was going; run the same command again"
            )

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _is_in_place(self) -> bool:
        try:
            named = self._metrics.stat()
        except OSError:
            return False
        return os.path.samestat(os.fstat(self._file.fileno()), named)
