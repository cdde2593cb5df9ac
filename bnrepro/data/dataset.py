"""A data set: one uint8 tensor of images a split."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import EllipsisType

import torch
from torch import Tensor

from bnrepro.data.jpegs import JpegImages

Images = Tensor | JpegImages
"""(N, C, H, W), uint8; ``images[selection].to(device)`` is a tensor of either."""

ChannelValues = float | tuple[float, ...]
"""A number for all channels, or one for each."""


@dataclass(frozen=True)
class Split:
    """Images and their classes.

    Attributes:
        images: (N, C, H, W).
        labels: int64, (N,).
        is_mapped: the images are a file's, read as they are asked for; they stay on the CPU, and
            mini-batches are moved.
    """

    images: Images
    labels: Tensor
    is_mapped: bool = False

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, count: int | None) -> "Split":
        """The first ``count`` examples; None: all."""
        return replace(self, images=self.images[:count], labels=self.labels[:count])

    def crop(self, size: int) -> "Split":
        """The centre squares of the images."""
        return replace(self, images=self.images[_centre(self.images.shape, size)])

    def to(self, device: torch.device) -> "Split":
        """The same split on a device; a mapped one stays where it is."""
        if self.is_mapped or isinstance(self.images, JpegImages):
            return self
        return replace(self, images=self.images.to(device), labels=self.labels.to(device))


@dataclass(frozen=True)
class Dataset:
    """Training and held-out examples of one classification problem.

    Attributes:
        train: what parameters and population statistics are estimated from.
        test: held out.
        class_names: a label is a position here.
        input_mean: the network receives (value - input_mean) / input_scale; one number, or one a
            channel.
        input_scale: likewise.
    """

    train: Split
    test: Split
    class_names: tuple[str, ...]
    input_mean: ChannelValues = 0.0
    input_scale: ChannelValues = 1.0

    @property
    def num_classes(self) -> int:
        """Labels run from 0 to this, exclusive."""
        return len(self.class_names)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of training images as stored."""
        _, channels, height, width = self.train.images.shape
        return channels, height, width

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of held-out images, and of what the network receives."""
        _, channels, height, width = self.test.images.shape
        return channels, height, width

    def to_input(self, images_NCHW: Tensor) -> Tensor:
        """What the network receives: float32, centred and scaled; channels last in memory.

        Args:
            images_NCHW: uint8, or float with the same range.
        """
        # Convolutions are fastest with the channels last, on CPU and GPU alike.
        x = images_NCHW.to(torch.float32, memory_format=torch.channels_last)
        return centre_and_scale(x, self.input_mean, self.input_scale)

    def amplify(self, factor: float) -> "Dataset":
        """Multiply what the network receives."""
        if isinstance(self.input_scale, tuple):
            return replace(self, input_scale=tuple(scale / factor for scale in self.input_scale))
        return replace(self, input_scale=self.input_scale / factor)

    def limit_train(self, count: int | None) -> "Dataset":
        """Keep the first ``count`` training examples; None: all."""
        return replace(self, train=self.train.first(count))

    def crop(self, size: int, train: bool = True) -> "Dataset":
        """Held-out images cut to their centre squares, and training images unless told not to."""
        return replace(
            self,
            train=self.train.crop(size) if train else self.train,
            test=self.test.crop(size),
        )

    def to(self, device: torch.device) -> "Dataset":
        """The same data on a device."""
        return replace(self, train=self.train.to(device), test=self.test.to(device))


def centre_and_scale(x_NCHW: Tensor, mean: ChannelValues, scale: ChannelValues) -> Tensor:
    """(x - mean) / scale, of a float; the same shape."""
    if mean == 0.0 and scale == 1.0:
        return x_NCHW
    return (x_NCHW - _along_channels(mean, x_NCHW)) / _along_channels(scale, x_NCHW)


def _along_channels(values: ChannelValues, x_NCHW: Tensor) -> float | Tensor:
    if isinstance(values, float):
        return values
    # Filled, not copied: nothing comes from the host in what a CUDA graph records.
    return torch.stack([x_NCHW.new_full((1, 1), value) for value in values])


def centre_crop(images: Tensor, size: int) -> Tensor:
    """The centre squares of images, (..., H, W) to (..., size, size)."""
    return images[_centre(images.shape, size)]


def _centre(shape: Sequence[int], size: int) -> tuple[EllipsisType, slice, slice]:
    top, left = ((side - size) // 2 for side in shape[-2:])
    return ..., slice(top, top + size), slice(left, left + size)


def binarize(images: Tensor, threshold: int) -> Tensor:
    """Binary input (Section 4.1): 1 where a grey level is above the threshold, else 0; uint8."""
    return (images > threshold).to(torch.uint8)
