"""Training mini-batches: order and augmentation put together, a pure function of the step."""

from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

from bnrepro.data.augmentation import Augmentation, Augmenter
from bnrepro.data.dataset import Split
from bnrepro.data.order import BatchOrder, Shuffling
from bnrepro.data.sampling import sample_pixels


class TrainingBatches:
    """What each step trains on.

    Args:
        split: the training set.
        batch_size: examples in a mini-batch.
        seed: the run's seed.
        shuffling: how the order is made.
        augmentation: what happens to the images.
        device: where mini-batches are wanted; the set is there, or mapped.
        sample: draw each pixel as `sample_pixels` does.
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        seed: int,
        shuffling: Shuffling,
        augmentation: Augmentation,
        device: torch.device,
        sample: bool = False,
    ) -> None:
        self.split = split
        self.seed = seed
        self.device = device
        self.sample = sample
        self.order = BatchOrder(len(split), batch_size, seed, split.labels.device, shuffling)
        self.augment = Augmenter(augmentation, len(split), seed, device)
        # Of a mapped set the next mini-batch is read while the device works on this one.
        self._reader = ThreadPoolExecutor(1) if split.is_mapped else None
        self._reading: dict[int, Future[tuple[Tensor, Tensor, Tensor]]] = {}

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        """The mini-batch of update number ``step``, from 0: images (N, C, H, W), labels (N,)."""
        images_NCHW, labels_N, indices_N = self._read_ahead(step)
        if self.sample:
            images_NCHW = sample_pixels(images_NCHW, self.seed, step)
        augmented_NCHW = self.augment(images_NCHW, indices_N, self.order.epoch(step))
        return augmented_NCHW, labels_N

    def __len__(self) -> int:
        """Mini-batches in an epoch."""
        return self.order.batches_per_epoch

    def _read_ahead(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        if self._reader is None:
            return self._read(step)
        now = self._reading.pop(step, None) or self._reader.submit(self._read, step)
        self._reading = {step + 1: self._reader.submit(self._read, step + 1)}
        return now.result()

    def _read(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Images as stored, labels and indices, on the device."""
        indices_N = self.order.batch(step)
        # Not images[indices]: that takes five times as long.
        return (
            self.split.images.index_select(0, indices_N).to(self.device),
            self.split.labels.index_select(0, indices_N).to(self.device),
            indices_N.to(self.device),
        )
