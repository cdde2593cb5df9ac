"""The training step as one CUDA graph: a single launch in place of one for each of its kernels."""

import torch
from torch import Tensor

from bnrepro.training.step import Step

_WARM_UPS = 3  # what libraries set up at their first calls must not be captured


class CapturedStep:
    """A step that is recorded once and then replayed on other mini-batches; the same numbers.

    For networks so small that launching kernels takes longer than computing. What the step draws at
    random (Dropout) goes on from one replay to the next, as torch advances its generator. Making
    one takes steps on the mini-batch at rate 0: the caller takes them back.

    Args:
        step: eager or compiled; computes with tensors on one CUDA device alone.
        images_NCHW: a mini-batch; all others have its shape and type.
        labels_N: its labels.
    """

    def __init__(self, step: Step, images_NCHW: Tensor, labels_N: Tensor) -> None:
        self.step = step
        self._images, self._labels = images_NCHW.clone(), labels_N.clone()
        self._rate = torch.zeros((), device=images_NCHW.device)
        inputs = (self._images, self._labels, self._rate)
        aside = torch.cuda.Stream(images_NCHW.device)
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UPS):
                step(*inputs)
        torch.cuda.current_stream().wait_stream(aside)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._loss = step(*inputs)

    def __call__(self, images_NCHW: Tensor, labels_N: Tensor, lr: Tensor) -> Tensor:
        """As the step's own: update the parameters, return the loss."""
        self._images.copy_(images_NCHW)
        self._labels.copy_(labels_N)
        self._rate.copy_(lr)
        self._graph.replay()
        return self._loss.clone()
