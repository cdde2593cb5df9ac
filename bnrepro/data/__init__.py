"""Data sets in memory, and the order of their examples. Knows nothing of networks or configs."""

from bnrepro.data.dataset import Dataset, Split
from bnrepro.data.digits import load_digits
from bnrepro.data.mnist import load_mnist
from bnrepro.data.order import BatchOrder, epoch_order

__all__ = ["BatchOrder", "Dataset", "Split", "epoch_order", "load_digits", "load_mnist"]
