"""metrics.jsonl: what a run recorded, a row a line, and nothing that depends on the clock."""

import json
import os
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from bnrepro.errors import RunDeletedError
from bnrepro.runs import Row


class DivergedError(Exception):
    """A loss or a parameter is no longer finite.

    Attributes:
        step: the first update whose loss is not finite.
    """

    def __init__(self, step: int, what: str) -> None:
        super().__init__(f"{what} is not finite at step {step}")
        self.step = step


class Recorder:
    """Appends rows, and gathers the losses of the steps between them.

    Losses stay on the device until a row is due: reading each one would stall a GPU.

    Args:
        metrics: the file; cut off after ``position`` bytes, so that a resumed run goes on behind
            the rows that its checkpoint knows of.
        position: bytes to keep.
        losses: (n,) losses of the steps since the last row kept.
    """

    def __init__(self, metrics: Path, position: int, losses: Tensor) -> None:
        self._metrics = metrics
        self._file = metrics.open("ab")
        self._file.truncate(position)
        self._file.seek(position)
        self._losses = list(losses)

    def observe(self, loss: Tensor) -> None:
        """Note one step's loss, a scalar tensor."""
        self._losses.append(loss)

    @property
    def position(self) -> int:
        """Bytes written."""
        return self._file.tell()

    @property
    def losses(self) -> Tensor:
        """Losses of the steps since the last row, (n,), on the CPU."""
        return torch.stack(self._losses).cpu() if self._losses else torch.zeros(0)

    def mean_loss(self, step: int) -> float:
        """The mean loss of the steps since the last row, up to ``step``; starts a new stretch.

        Raises:
            DivergedError: one of them is not finite.
        """
        losses = self.losses
        finite = losses.isfinite()
        if not finite.all():
            first = int((~finite).nonzero()[0])
            raise DivergedError(step - len(losses) + first + 1, "the loss")
        self._losses = []
        return losses.double().mean().item()

    def write(self, row: Row) -> None:
        """Append a row."""
        self._file.write(json.dumps(row, allow_nan=False).encode() + b"\n")
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

    def _is_in_place(self) -> bool:
        try:
            there = self._metrics.stat()
        except OSError:
            return False
        return os.path.samestat(os.fstat(self._file.fileno()), there)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
