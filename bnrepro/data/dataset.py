"""A data set in memory: one uint8 tensor of images a split."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Split:
    """Images and their classes.

    Attributes:
        images: uint8, (N, C, H, W).
        labels: int64, (N,).
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, count: int | None) -> "Split":
        """The first ``count`` examples; None: all."""
        return Split(self.images[:count], self.labels[:count])

    def to(self, device: torch.device) -> "Split":
        """The same split on a device."""
        return Split(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Dataset:
    """Training and held-out examples of one classification problem, small enough for memory.

    Attributes:
        train: what parameters and population statistics are estimated from.
        test: held out.
        num_classes: labels run from 0 to this, exclusive.
    """

    train: Split
    test: Split
    num_classes: int

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of every image."""
        _, channels, height, width = self.train.images.shape
        return channels, height, width

    def limit_train(self, count: int | None) -> "Dataset":
        """Keep the first ``count`` training examples; None: all."""
        return replace(self, train=self.train.first(count))

    def to(self, device: torch.device) -> "Dataset":
        """The same data on a device."""
        return replace(self, train=self.train.to(device), test=self.test.to(device))


def binarize(images: Tensor, threshold: int) -> Tensor:
    """Binary input (Section 4.1): 1 where a grey level is above the threshold, else 0; uint8."""
    return (images > threshold).to(torch.uint8)
