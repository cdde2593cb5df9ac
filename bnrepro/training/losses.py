"""The losses of the steps between two rows."""

import math

import torch
from torch import Tensor


class DivergedError(Exception):
    """A loss or a parameter is no longer finite.

    Attributes:
        step: the first update whose loss is not finite.
    """

    def __init__(self, step: int, what: str) -> None:
        super().__init__(f"{what} is not finite at step {step}")
        self.step = step


class LossMean:
    """Gathers losses and takes their mean.

    They stay on the device until a row is due: reading each one would stall a GPU.

    Args:
        losses: (n,) losses of the steps since the last row.
    """

    def __init__(self, losses: Tensor) -> None:
        self._known: list[float] = losses.tolist()
        self._unread: list[Tensor] = []

    def add(self, loss: Tensor) -> None:
        """Note one step's loss, a scalar tensor."""
        self._unread.append(loss)

    @property
    def losses(self) -> Tensor:
        """Losses of the steps since the last row, (n,), on the CPU."""
        self._read()
        return torch.tensor(self._known)

    def take(self, step: int) -> float:
        """The mean loss of the steps since the last row, up to ``step``; starts a new stretch.

        Raises:
            DivergedError: one of them is not finite.
        """
        self._read()
        losses, self._known = self._known, []
        for before, loss in zip(range(len(losses), 0, -1), losses, strict=True):
            if not math.isfinite(loss):
                raise DivergedError(step - before + 1, "the loss")
        return math.fsum(losses) / len(losses)

    def _read(self) -> None:
        if self._unread and self._unread[0].device.type != "cpu":
            self._known += torch.stack(self._unread).tolist()  # one copy, for all of them
        else:
            self._known += [loss.item() for loss in self._unread]
        self._unread = []
