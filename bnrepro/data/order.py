"""The order in which training examples are seen: a pure function of (seed, epoch, step).

Nothing has to be saved to go on with it after an interruption.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_SHARDS = 2  # keeps the dealing into shards apart from the draws of the epochs


@dataclass(frozen=True)
class Shuffling:
    """How thoroughly examples are shuffled (Section 4.2.1).

    Attributes:
        kind: ``full``: every epoch is a new permutation of all examples. ``within_shards``: the
            examples are dealt into shards once, and each epoch shuffles the shards and the examples
            within each. ``shards``: only the order of the shards changes, so the same examples
            always appear in a mini-batch together: what the paper's within-shard shuffling ended.
        shard_examples: size of a shard.
    """

    kind: Literal["full", "within_shards", "shards"]
    shard_examples: int = 1


FULL = Shuffling("full")


def epoch_order(examples: int, seed: int, epoch: int, shuffling: Shuffling = FULL) -> Tensor:
    """A permutation of the examples, int64 (examples,)."""
    generator = np.random.default_rng([seed, epoch])
    if shuffling.kind == "full":
        return torch.from_numpy(generator.permutation(examples))
    dealt = np.random.default_rng([seed, 0, _SHARDS]).permutation(examples)
    shards: list[NDArray[np.int64]] = np.split(
        dealt, range(shuffling.shard_examples, examples, shuffling.shard_examples)
    )
    chosen = [shards[i] for i in generator.permutation(len(shards))]
    if shuffling.kind == "within_shards":
        chosen = [generator.permutation(shard) for shard in chosen]
    return torch.from_numpy(np.concatenate(chosen))


def held_out_batches(examples: int, batch_size: int) -> tuple[Tensor, ...]:
    """Indices of held-out examples in mini-batches that may be normalized by their own statistics.

    Some sets are sorted by class, Tiny-ImageNet's held-out images among them: in that order a
    mini-batch's statistics would be a class's. The same shuffle for every run, so that runs are
    compared on the same mini-batches.

    Returns:
        Each (batch_size,), int64; the last one what is left over. A single example, which has no
        variance, joins the one before.
    """
    order = epoch_order(examples, seed=0, epoch=0)
    return order.tensor_split([*range(batch_size, examples - 1, batch_size)])


class BatchOrder:
    """Which examples the mini-batch of each step holds.

    What is left over at an epoch's end is less than a batch and dropped.

    Args:
        examples: size of the training set, at least ``batch_size``.
        batch_size: examples in a mini-batch.
        seed: the run's seed.
        device: where the index tensors live.
        shuffling: how thoroughly.
    """

    def __init__(
        self,
        examples: int,
        batch_size: int,
        seed: int,
        device: torch.device,
        shuffling: Shuffling = FULL,
    ) -> None:
        self.examples = examples
        self.batch_size = batch_size
        self.seed = seed
        self.device = device
        self.shuffling = shuffling
        self.batches_per_epoch = examples // batch_size
        self._epoch = -1
        self._batches: tuple[Tensor, ...] = ()

    def batch(self, step: int) -> Tensor:
        """Indices of the mini-batch that update number ``step`` (from 0) uses, (batch_size,)."""
        epoch, position = divmod(step, self.batches_per_epoch)
        if epoch != self._epoch:
            order = epoch_order(self.examples, self.seed, epoch, self.shuffling)
            self._batches = order.to(self.device).split(self.batch_size)
            self._epoch = epoch
        return self._batches[position]

    def epoch(self, step: int) -> int:
        """The epoch that update number ``step`` belongs to."""
        return step // self.batches_per_epoch
