"""Crops of an image that predictions are averaged over: 1, 10 or GoogLeNet's 144.

The 144 of Szegedy et al. (2014), which Section 4.2.3 follows: the image at four sizes; of each the
left, centre and right square (top, centre, bottom where it is tall); of each square the four
corners, the centre and the whole square resized; and the mirror images of all.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from torch import Tensor

_CROP = 224  # of the paper; every length below is scaled by the network's size to this
_ONE_SIZE = 256
_FOUR_SIZES = (256, 288, 320, 352)


class Crop(NamedTuple):
    """A square of the resized image, as the network receives it.

    Attributes:
        shorter: the image is resized until its shorter side has this many pixels.
        top: of the square, in pixels of the resized image.
        left: likewise.
        side: of the square; it is resized to what the network receives.
        mirrored: left and right swapped.
    """

    shorter: int
    top: int
    left: int
    side: int
    mirrored: bool


def crop_boxes(height: int, width: int, size: int, count: int) -> list[Crop]:
    """The crops of an image.

    Args:
        height: of the image as stored, in pixels.
        width: likewise.
        size: height and width that the network receives.
        count: 1: the centre, as in training's evaluations; 10: corners and centre, mirrored
            (Krizhevsky et al. 2012); 144: GoogLeNet's.

    Returns:
        ``count`` of them. Those of a square image repeat: its three squares are one.
    """
    match count:
        case 1:
            top, left = (height - size) // 2, (width - size) // 2
            return [Crop(min(height, width), top, left, size, False)]
        case 10:
            shorter = _scaled(_ONE_SIZE, size)
            tall, wide = _resized(height, width, shorter)
            boxes = _corners_and_centre(tall, wide, size)
            return _mirrored(Crop(shorter, top, left, size, False) for top, left in boxes)
        case 144:
            return _mirrored(_googlenet(height, width, size))
        case _:
            raise ValueError(f"{count} crops: choose 1, 10 or 144")


def views(images_NCHW: Tensor, size: int, count: int) -> Iterator[tuple[int, Tensor]]:
    """Each distinct crop of a batch of images, with how often it counts.

    Args:
        images_NCHW: uint8, as stored.
        size: height and width that the network receives.
        count: 1, 10 or 144.

    Yields:
        How many of the ``count`` crops it is, and (N, C, size, size), uint8.
    """
    height, width = images_NCHW.shape[2:]
    # Crops of one size of the image stand together.
    times = Counter(crop_boxes(height, width, size, count))
    for shorter, crops in groupby(times, key=lambda crop: crop.shorter):
        resized_NCHW = _resize(images_NCHW, *_resized(height, width, shorter))
        for crop in crops:
            bottom, right = crop.top + crop.side, crop.left + crop.side
            square = resized_NCHW[:, :, crop.top : bottom, crop.left : right]
            view_NCSS = _resize(square, size, size)
            yield times[crop], view_NCSS.flip(3) if crop.mirrored else view_NCSS


def _googlenet(height: int, width: int, size: int) -> Iterator[Crop]:
    for of_paper in _FOUR_SIZES:
        shorter = _scaled(of_paper, size)
        tall, wide = _resized(height, width, shorter)
        for part in (0, 1, 2):
            top, left = (tall - shorter) * part // 2, (wide - shorter) * part // 2
            for down, across in _corners_and_centre(shorter, shorter, size):
                yield Crop(shorter, top + down, left + across, size, False)
            yield Crop(shorter, top, left, shorter, False)


def _corners_and_centre(height: int, width: int, size: int) -> list[tuple[int, int]]:
    """Top and left of the four corner squares and of the centre one."""
    bottom, right = height - size, width - size
    return [(0, 0), (0, right), (bottom, 0), (bottom, right), (bottom // 2, right // 2)]


def _mirrored(crops: Iterator[Crop]) -> list[Crop]:
    return [crop._replace(mirrored=mirrored) for crop in crops for mirrored in (False, True)]


def _scaled(of_paper: int, size: int) -> int:
    return round(size * of_paper / _CROP)


def _resized(height: int, width: int, shorter: int) -> tuple[int, int]:
    """Height and width when the shorter side is brought to ``shorter``."""
    scale = shorter / min(height, width)
    return round(height * scale), round(width * scale)


def _resize(images_NCHW: Tensor, height: int, width: int) -> Tensor:
    if images_NCHW.shape[2:] == (height, width):
        return images_NCHW
    # Importing torchvision takes as long as torch: only where something is resized.
    from torchvision.transforms.v2.functional import resize

    resized: Tensor = resize(images_NCHW, [height, width], antialias=True)
    return resized
