"""Training mini-batches: order and augmentation put together, a pure function of the step."""

from torch import Tensor

from bnrepro.data.augmentation import Augmentation, Augmenter
from bnrepro.data.dataset import Split
from bnrepro.data.order import BatchOrder, Shuffling


class TrainingBatches:
    """What each step trains on.

    Args:
        split: the training set, on its device.
        batch_size: examples in a mini-batch.
        seed: the run's seed.
        shuffling: how the order is made.
        augmentation: what happens to the images.
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        seed: int,
        shuffling: Shuffling,
        augmentation: Augmentation,
    ) -> None:
        self.split = split
        device = split.labels.device
        self.order = BatchOrder(len(split), batch_size, seed, device, shuffling)
        self.augment = Augmenter(augmentation, len(split), seed, device)

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        """The mini-batch of update number ``step``, from 0: images (N, C, H, W), labels (N,)."""
        indices_N = self.order.batch(step)
        images_NCHW = self.augment(self.split.images[indices_N], indices_N, self.order.epoch(step))
        return images_NCHW, self.split.labels[indices_N]

    def __len__(self) -> int:
        """Mini-batches in an epoch."""
        return self.order.batches_per_epoch
