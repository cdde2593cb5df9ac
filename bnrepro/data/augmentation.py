"""Random crops, flips and photometric distortions of a mini-batch, on the device it is on.

Every draw is a pure function of (seed, epoch, index of the example): nothing has to be saved to go
on after an interruption, and an example is augmented alike wherever in a batch it stands.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

Crop = Literal["none", "random", "random_resized"]
Distortion = Literal["none", "weak", "strong"]

_DRAWS = 8  # uniform numbers an example has for itself in an epoch
_TOP, _LEFT, _AREA, _ASPECT, _FLIP, _BRIGHTNESS, _CONTRAST, _SATURATION = range(_DRAWS)
_PURPOSE = 1  # keeps these draws apart from those of the order of examples

# Brightness, contrast and saturation are scaled by a factor in 1 +- this. Howard (2013) draws
# from 0.5 to 1.5; the paper says that the accelerated networks had weaker distortions, not by how
# much: a half of it is an assumption.
_STRENGTH = {"none": 0.0, "weak": 0.25, "strong": 0.5}
_LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Augmentation:
    """What happens to a training image.

    Attributes:
        crop: ``none``; ``random``: a square of ``size`` anywhere; ``random_resized``: 8 to 100 % of
            the area at an aspect of 3/4 to 4/3, resized to ``size`` (Szegedy et al. 2014).
        size: height and width that the network receives, in pixels.
        flip: mirror half of the images.
        distortion: of brightness, contrast and saturation.
    """

    crop: Crop
    size: int
    flip: bool
    distortion: Distortion

    @property
    def is_identity(self) -> bool:
        """Whether images pass as they are."""
        return self.crop == "none" and not self.flip and self.distortion == "none"


class Augmenter:
    """Applies an `Augmentation` to the mini-batches of a run.

    Args:
        augmentation: what to do.
        examples: size of the training set.
        seed: the run's seed.
        device: where the batches are.
    """

    def __init__(
        self, augmentation: Augmentation, examples: int, seed: int, device: torch.device
    ) -> None:
        self.augmentation = augmentation
        self.examples = examples
        self.seed = seed
        self.device = device
        self._epoch = -1
        self._draws = torch.zeros(0)

    def draws(self, indices_N: Tensor, epoch: int) -> Tensor:
        """Uniform numbers in [0, 1) for some examples in an epoch, (N, K)."""
        return self._uniform(epoch)[indices_N]

    def __call__(self, images_NCHW: Tensor, draws_NK: Tensor) -> Tensor:
        """Augment a mini-batch: a function of tensors on the device alone.

        Args:
            images_NCHW: uint8.
            draws_NK: the examples' `draws`.

        Returns:
            (N, C, size, size), uint8 or, where values were computed, float with the same range.
        """
        match self.augmentation.crop:
            case "random":
                images_NCHW = random_crop(images_NCHW, draws_NK, self.augmentation.size)
            case "random_resized":
                images_NCHW = random_resized_crop(images_NCHW, draws_NK, self.augmentation.size)
        if self.augmentation.flip:
            mirrored_N = draws_NK[:, _FLIP] < 0.5
            images_NCHW = torch.where(
                mirrored_N.view(-1, 1, 1, 1), images_NCHW.flip(3), images_NCHW
            )
        if self.augmentation.distortion != "none":
            strength = _STRENGTH[self.augmentation.distortion]
            images_NCHW = distort(images_NCHW, draws_NK, strength)
        return images_NCHW

    def _uniform(self, epoch: int) -> Tensor:
        """(examples, draws) numbers in [0, 1), one row an example."""
        if epoch != self._epoch:
            generator = np.random.default_rng([self.seed, epoch, _PURPOSE])
            table = generator.random((self.examples, _DRAWS), dtype=np.float32)
            self._draws = torch.from_numpy(table).to(self.device)
            self._epoch = epoch
        return self._draws


def random_crop(images_NCHW: Tensor, draws_NK: Tensor, size: int) -> Tensor:
    """A square of ``size`` from each image, at a place of its own."""
    n, _, height, width = images_NCHW.shape
    top_N = (draws_NK[:, _TOP] * (height - size + 1)).long()
    left_N = (draws_NK[:, _LEFT] * (width - size + 1)).long()
    example_N = torch.arange(n, device=images_NCHW.device)
    # A view of every square of every image; one of each is copied.
    squares_NCTLSS = images_NCHW.unfold(2, size, 1).unfold(3, size, 1)
    return squares_NCTLSS[example_N, :, top_N, left_N]


def random_resized_crop(images_NCHW: Tensor, draws_NK: Tensor, size: int) -> Tensor:
    """8 to 100 % of each image's area, aspect 3/4 to 4/3, resized bilinearly to ``size``.

    A box that would not fit is shortened to the image's side.
    """
    n, channels, _, _ = images_NCHW.shape
    area_N = 0.08 + 0.92 * draws_NK[:, _AREA]
    aspect_N = torch.exp((2 * draws_NK[:, _ASPECT] - 1) * float(np.log(4 / 3)))
    width_N = (area_N * aspect_N).sqrt().clamp(max=1)
    height_N = (area_N / aspect_N).sqrt().clamp(max=1)
    # Boxes in the coordinates of affine_grid: the image reaches from -1 to 1.
    centre_x_N = (1 - width_N) * (2 * draws_NK[:, _LEFT] - 1)
    centre_y_N = (1 - height_N) * (2 * draws_NK[:, _TOP] - 1)
    theta_N23 = torch.zeros(n, 2, 3, device=images_NCHW.device)
    theta_N23[:, 0, 0], theta_N23[:, 0, 2] = width_N, centre_x_N
    theta_N23[:, 1, 1], theta_N23[:, 1, 2] = height_N, centre_y_N
    grid = functional.affine_grid(theta_N23, [n, channels, size, size], align_corners=False)
    return functional.grid_sample(
        images_NCHW.float(), grid, padding_mode="border", align_corners=False
    )


def distort(images_NCHW: Tensor, draws_NK: Tensor, strength: float) -> Tensor:
    """Scale brightness, contrast and saturation by factors of each image's own.

    Args:
        images_NCHW: values from 0 to 255; grey images have no saturation to change.
        draws_NK: uniform numbers.
        strength: factors lie in 1 - strength to 1 + strength.
    """
    factors_NK = 1 + strength * (2 * draws_NK - 1)
    brightness, contrast, saturation = (
        factors_NK[:, draw].view(-1, 1, 1) for draw in (_BRIGHTNESS, _CONTRAST, _SATURATION)
    )
    # All three are affine in a pixel's colour, so the image is read once: M is brightness and then
    # saturation, and contrast holds to the mean of what M makes of the image.
    x_NCP = images_NCHW.flatten(2).float()
    channels = x_NCP.shape[1]
    M_NCC = brightness * torch.eye(channels, device=x_NCP.device)
    if channels == 3:
        # Filled, not copied: nothing comes from the host in what a CUDA graph records.
        grey_CC = torch.stack([x_NCP.new_full((3,), weight) for weight in _LUMA], 1)
        M_NCC = saturation * M_NCC + (1 - saturation) * brightness * grey_CC
    mean_N11 = (M_NCC @ x_NCP.mean(2, keepdim=True)).mean(1, keepdim=True)
    distorted_NCP = torch.baddbmm((1 - contrast) * mean_N11, contrast * M_NCC, x_NCP)
    return distorted_NCP.clamp(0, 255).view_as(images_NCHW)
