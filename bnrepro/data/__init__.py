"""Data sets in memory, and mini-batches of them. Knows nothing of networks or configs."""

from bnrepro.data.augmentation import Augmentation, Augmenter
from bnrepro.data.batches import TrainingBatches
from bnrepro.data.dataset import Dataset, Split
from bnrepro.data.digits import load_digits
from bnrepro.data.image_folder import load_image_folder
from bnrepro.data.mnist import load_mnist
from bnrepro.data.order import BatchOrder, Shuffling, epoch_order

__all__ = [
    "Augmentation",
    "Augmenter",
    "BatchOrder",
    "Dataset",
    "Shuffling",
    "Split",
    "TrainingBatches",
    "epoch_order",
    "load_digits",
    "load_image_folder",
    "load_mnist",
]
