"""An update as one CUDA graph: a single launch in place of one for each of its kernels."""

import torch
from torch import Tensor

from bnrepro.data.batches import TrainingBatches
from bnrepro.training.step import Step

_WARM_UPS = 3  # what libraries set up at their first calls must not be captured


class CapturedUpdate:
    """An update that is recorded once, from indices to parameters, and then replayed.

    The same numbers as the step on its mini-batch. What depends on the number of the update (which
    examples, what was drawn for them, the rate) is copied into fixed buffers before each replay;
    gathering the examples, augmentation, gradient and optimizer are in the graph. What the step
    draws at random (Dropout) goes on from one replay to the next, as torch advances its generator.
    Making one takes steps at rate 0: the caller takes them back.

    Args:
        step: eager or compiled; computes with tensors on one CUDA device alone.
        batches: on that device, or mapped.
    """

    def __init__(self, step: Step, batches: TrainingBatches) -> None:
        self.batches = batches
        self._ingredients = [part.clone() for part in batches.ingredients(0)]
        self._rate = torch.zeros((), device=batches.device)

        def update() -> Tensor:
            return step(*self._ingredients, self._rate)

        aside = torch.cuda.Stream(batches.device)
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UPS):
                update()
        torch.cuda.current_stream().wait_stream(aside)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._loss = update()

    def __call__(self, number: int, lr: Tensor) -> Tensor:
        """The update on mini-batch ``number``, from 0, at the rate ``lr``; returns its loss."""
        for buffer, part in zip(self._ingredients, self.batches.ingredients(number), strict=True):
            buffer.copy_(part, non_blocking=True)
        self._rate.copy_(lr)
        self._graph.replay()
        return self._loss.clone()
