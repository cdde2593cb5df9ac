"""Training mini-batches: order and augmentation put together, a pure function of the step."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import torch
from torch import Tensor

from bnrepro.cores import usable_cores
from bnrepro.data.augmentation import Augmentation, Augmenter
from bnrepro.data.dataset import Images, Split
from bnrepro.data.order import BatchOrder, Shuffling
from bnrepro.data.sampling import draw_thresholds, sample_pixels

_KEPT_BYTES = 64 * 2**20  # at most, of the mini-batches that every evaluation asks for
_STEPS_AHEAD = 6  # enough to bridge a slow read, and some 40 MB of mini-batches at 256 px
_THREADS = min(_STEPS_AHEAD, usable_cores())

_Batch = tuple[Tensor, Tensor, Tensor]
"""Images as stored, labels and indices, on the device."""


class TrainingBatches:
    """What each step trains on.

    Args:
        split: the training set.
        batch_size: examples in a mini-batch.
        seed: the run's seed.
        shuffling: how the order is made.
        augmentation: what happens to the images.
        device: where mini-batches are wanted; the set is there, or mapped.
        sample: draw each pixel (`sample_pixels`).

    Attributes:
        following: which step will be asked for after another, to be read ahead; the next one,
            unless a reader says otherwise.
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
        self.following: Callable[[int], int] = lambda step: step + 1
        self.order = BatchOrder(len(split), batch_size, seed, split.labels.device, shuffling)
        self.augment = Augmenter(augmentation, len(split), seed, device)
        self.augments = not augmentation.is_identity
        self._kept: dict[int, Tensor] = {}
        self._read_ahead = (
            ReadAhead(self._reading, lambda step: self.following(step)) if split.is_mapped else None
        )

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        """The mini-batch of update number ``step``, from 0: images (N, C, H, W), labels (N,)."""
        return self.make(*self.ingredients(step))

    def first_images(self, count: int) -> Iterator[Tensor]:
        """Images of the first mini-batches, in order; not to be written to.

        Every evaluation asks for them, so they are made once where they are small.
        """
        for step in range(count):
            images_NCHW = self._kept.get(step)
            if images_NCHW is None:
                images_NCHW, _ = self(step)
                if count * images_NCHW.nbytes <= _KEPT_BYTES:
                    self._kept[step] = images_NCHW
            yield images_NCHW

    def ingredients(self, step: int) -> tuple[Tensor, ...]:
        """What that mini-batch is made from, on the device: all that depends on the step.

        The indices of its examples, or, of a mapped set, the examples themselves; then what was
        drawn for them. Of the same shapes and types at every step.
        """
        if self._read_ahead:
            images_NCHW, labels_N, indices_N = self._read_ahead(step)
            parts = [images_NCHW, labels_N]
        else:
            indices_N = self.order.batch(step)
            parts = [indices_N]
        if self.sample:
            shape = (len(indices_N), *self.split.images.shape[1:])
            parts.append(draw_thresholds(shape, self.seed, step).to(self.device))
        if self.augments:
            parts.append(self.augment.draws(indices_N, self.order.epoch(step)))
        return tuple(parts)

    def make(self, *ingredients: Tensor) -> tuple[Tensor, Tensor]:
        """A mini-batch from its `ingredients`: a function of tensors on the device alone."""
        parts = iter(ingredients)
        if self._read_ahead:
            images_NCHW, labels_N = next(parts), next(parts)
        else:
            images_NCHW, labels_N, _ = self._read(next(parts))
        if self.sample:
            images_NCHW = sample_pixels(images_NCHW, next(parts))
        if self.augments:
            images_NCHW = self.augment(images_NCHW, next(parts))
        return images_NCHW, labels_N

    def __len__(self) -> int:
        """Mini-batches in an epoch."""
        return self.order.batches_per_epoch

    def _reading(self, step: int) -> Callable[[], _Batch]:
        return partial(self._read, self.order.batch(step))

    def _read(self, indices_N: Tensor) -> _Batch:
        images = self.split.images
        # Of a tensor not images[indices]: that takes five times as long.
        if isinstance(images, Tensor):
            chosen: Images = images.index_select(0, indices_N)
        else:
            chosen = images[indices_N]
        images_NCHW = chosen.to(self.split.labels.device)
        if self.split.is_mapped and self.device.type == "cuda":
            # From pinned memory the copy goes on beside the device's work.
            images_NCHW = images_NCHW.pin_memory()
        return (
            images_NCHW.to(self.device, non_blocking=True),
            self.split.labels.index_select(0, indices_N).to(self.device),
            indices_N.to(self.device),
        )


class ReadAhead:
    """Fetches in threads the mini-batches that steps ask for, in whichever order they come.

    Args:
        start: of a step, called in order in the caller's thread: returns the work itself, which
            runs in a thread.
        following: which step will be asked for after another.
    """

    def __init__(
        self, start: Callable[[int], Callable[[], _Batch]], following: Callable[[int], int]
    ) -> None:
        self._start = start
        self._following = following
        self._threads = ThreadPoolExecutor(_THREADS)
        self._reading: dict[int, Future[_Batch]] = {}

    def __call__(self, step: int) -> _Batch:
        """What the step needs; the steps after it are begun."""
        steps = [step]
        for _ in range(_STEPS_AHEAD):
            steps.append(self._following(steps[-1]))
        for other in self._reading.keys() - steps:
            self._reading.pop(other).cancel()
        for one in steps:
            if one not in self._reading:
                self._reading[one] = self._threads.submit(self._start(one))
        return self._reading.pop(step).result()
