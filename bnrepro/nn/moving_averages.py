"""What a normalization keeps of its mini-batches for inference, whatever the statistics are."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn


class MovingAverages(nn.Module):
    """A layer with moving averages of statistics, in buffers ``running_<name>``.

    Args:
        momentum: weight of the newest mini-batch; None: the mean over all so far.
        averages: what each starts from, by its name.
    """

    num_batches_tracked: Tensor

    def __init__(self, momentum: float | None, **averages: Tensor) -> None:
        super().__init__()
        self.momentum = momentum
        self._names = [f"running_{name}" for name in averages]
        for name, start in averages.items():
            self.register_buffer(f"running_{name}", start)
        self.register_buffer("num_batches_tracked", torch.tensor(0, dtype=torch.long))

    @torch.no_grad()
    def track(self, *statistics: Tensor) -> None:
        """Move each average towards this mini-batch's; in the order of the constructor."""
        self.num_batches_tracked.add_(1)
        for average, new in zip(self.averages(), statistics, strict=True):
            weight = 1 / self.num_batches_tracked if self.momentum is None else self.momentum
            average.add_((new.to(average.dtype) - average) * weight)

    def averages(self) -> Iterator[Tensor]:
        """The buffers, in the order of the constructor."""
        return (self.get_buffer(name) for name in self._names)

    def restart(self) -> None:
        """From here on the averages are the means over the mini-batches to come."""
        self.num_batches_tracked.zero_()
        self.momentum = None


def values_of(x: Tensor) -> Tensor:
    """A layer's inputs as rows: (N, C) as it is, (N, C, H, W) as (N H W, C)."""
    return x if x.dim() == 2 else x.movedim(1, -1).flatten(0, -2)


def like(rows_MC: Tensor, x: Tensor) -> Tensor:
    """Rows back in the shape of the inputs."""
    if x.dim() == 2:
        return rows_MC
    return rows_MC.view(x.shape[0], *x.shape[2:], x.shape[1]).movedim(-1, 1)
