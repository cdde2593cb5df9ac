"""An update from several mini-batches, each by itself, whichever process computes which."""

import numpy as np
import torch
from torch import Tensor

from bnrepro.data.batches import TrainingBatches
from bnrepro.training.capture import CapturedUpdate
from bnrepro.training.loop import Update
from bnrepro.training.optimizers import GroupOptimizer
from bnrepro.training.processes import Processes
from bnrepro.training.session import Session
from bnrepro.training.step import Step

_PURPOSE = 4  # keeps these draws apart from those of the order and of the augmentation


class GroupedUpdate:
    """One parameter update from the mini-batches of a step's groups (Goyal et al. 2017).

    Every group starts from the same parameters and buffers. Gradients, buffers (moving averages)
    and losses are gathered and averaged in the order of the groups, so the numbers, to their bits,
    do not depend on the number of processes. What a group draws at random is a function of the
    seed and of its mini-batch's number.

    Args:
        session: the run's; its optimizer is a `GroupOptimizer`.
        gradient: the session's step on the mini-batch of a number.
        batches: that it takes them from.
        processes: each takes as many groups, in order.
    """

    def __init__(
        self,
        session: Session,
        gradient: Update,
        batches: TrainingBatches,
        processes: Processes,
    ) -> None:
        assert isinstance(session.update.optimizer, GroupOptimizer)
        self.optimizer = session.update.optimizer
        self.gradient = gradient
        self.processes = processes
        self.seed = session.config.seed
        self.groups = session.config.groups
        self.own = self.groups // processes.count
        batches.following = self._following
        self.buffers = list(session.model.buffers())
        # Constants are no averages: of equal values, rounding would make another one.
        kept = session.model.state_dict()
        self.averages = [
            buffer
            for name, buffer in session.model.named_buffers()
            if name in kept and buffer.is_floating_point()
        ]

    def __call__(self, number: int, lr: Tensor) -> Tensor:
        """Update number ``number``, from 0, at the rate ``lr``; returns the groups' mean loss."""
        first = number * self.groups + self.processes.rank * self.own
        before = [buffer.clone() for buffer in self.buffers]
        rows = []
        for batch in range(first, first + self.own):
            for buffer, value in zip(self.buffers, before, strict=True):
                buffer.copy_(value)
            draws = np.random.SeedSequence([self.seed, batch, _PURPOSE])
            torch.manual_seed(int(draws.generate_state(1, np.uint64)[0]))
            loss = self.gradient(batch, lr)
            values = [*self.optimizer.gradients, *self.averages, loss]
            rows.append(torch.cat([value.flatten() for value in values]))
        mean = _mean_in_order(self.processes.gather(torch.stack(rows)))
        targets = [*self.optimizer.gradients, *self.averages]
        parts = mean[:-1].split([target.numel() for target in targets])
        for target, part in zip(targets, parts, strict=True):
            target.copy_(part.view(target.shape))
        with torch.no_grad():
            self.optimizer.optimizer(list(self.optimizer.gradients), lr)
        return mean[-1].clone()  # not a view, which would hold on to all of it

    def _following(self, batch: int) -> int:
        """The mini-batch that this process takes after another."""
        following = batch + 1
        return following if following % self.own else following + self.groups - self.own


def make_update(
    session: Session, batches: TrainingBatches, step: Step, processes: Processes
) -> Update:
    """What the training loop calls: the step on its mini-batch, or on those of its groups.

    Args:
        session: the run's; as it was before its first update.
        batches: that it trains on.
        step: eager or compiled.
        processes: that share the groups.
    """
    update: Update
    if session.config.runtime.cuda_graph:
        with session.taking_back():
            update = CapturedUpdate(step, batches)
    else:

        def update(number: int, lr: Tensor) -> Tensor:
            return step(*batches.ingredients(number), lr)

    if session.config.groups == 1:
        return update
    return GroupedUpdate(session, update, batches, processes)


def _mean_in_order(rows_GP: Tensor) -> Tensor:
    """The mean row; sums of floating-point numbers depend on their order, which this fixes."""
    total = rows_GP[0].clone()
    for row in rows_GP[1:]:
        total += row
    return total / len(rows_GP)
