"""The losses of the steps between two rows."""

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
        self._losses = list(losses)

    def add(self, loss: Tensor) -> None:
        """Note one step's loss, a scalar tensor."""
        self._losses.append(loss)

    @property
    def losses(self) -> Tensor:
        """Losses of the steps since the last row, (n,), on the CPU."""
        return torch.stack(self._losses).cpu() if self._losses else torch.zeros(0)

    def take(self, step: int) -> float:
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
