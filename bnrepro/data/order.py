"""The order in which training examples are seen: a pure function of (seed, epoch, step).

Nothing has to be saved to go on with it after an interruption.
"""

import numpy as np
import torch
from torch import Tensor


def epoch_order(examples: int, seed: int, epoch: int) -> Tensor:
    """A permutation of the examples, int64 (examples,), different for every epoch and seed."""
    generator = np.random.default_rng([seed, epoch])
    return torch.from_numpy(generator.permutation(examples))


class BatchOrder:
    """Which examples the mini-batch of each step holds.

    Every epoch is shuffled anew; what is left over at its end is less than a batch and dropped.

    Args:
        examples: size of the training set, at least ``batch_size``.
        batch_size: examples in a mini-batch.
        seed: the run's seed.
        device: where the index tensors live.
    """

    def __init__(self, examples: int, batch_size: int, seed: int, device: torch.device) -> None:
        self.examples = examples
        self.batch_size = batch_size
        self.seed = seed
        self.device = device
        self.batches_per_epoch = examples // batch_size
        self._epoch = -1
        self._batches: tuple[Tensor, ...] = ()

    def batch(self, step: int) -> Tensor:
        """Indices of the mini-batch that update number ``step`` (from 0) uses, (batch_size,)."""
        epoch, position = divmod(step, self.batches_per_epoch)
        if epoch != self._epoch:
            order = epoch_order(self.examples, self.seed, epoch).to(self.device)
            self._batches = order.split(self.batch_size)
            self._epoch = epoch
        return self._batches[position]
