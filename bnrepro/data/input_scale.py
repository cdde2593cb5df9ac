"""How pixels become what a network receives: (value - mean) / scale."""

from typing import Literal, NamedTuple

from torch import Tensor

from bnrepro.data.dataset import ChannelValues

InputScale = Literal["symmetric", "unit", "pixels"]

# RGB. Caffe's GoogLeNet subtracts the first; the others are the usual ones of torchvision's
# recipes, in units of a pixel.
_CAFFE_MEAN = (123.0, 117.0, 104.0)
_IMAGENET_MEAN = (123.675, 116.28, 103.53)
_IMAGENET_DEVIATION = (58.395, 57.12, 57.375)


class Centring(NamedTuple):
    """The network receives (value - mean) / scale."""

    mean: ChannelValues
    scale: ChannelValues


_SYMMETRIC = Centring(127.5, 127.5)


def centre_colours(scale: InputScale) -> Centring:
    """For colour images of natural scenes.

    Args:
        scale: ``symmetric``: from -1 to 1; ``unit``: about unit variance, by ImageNet's mean and
            deviation; ``pixels``: grey levels minus ImageNet's mean, their deviation about 64, as
            Caffe's GoogLeNet (2014) takes them.
    """
    match scale:
        case "symmetric":
            return _SYMMETRIC
        case "unit":
            return Centring(_IMAGENET_MEAN, _IMAGENET_DEVIATION)
        case "pixels":
            return Centring(_CAFFE_MEAN, 1.0)


def centre_greys(scale: InputScale, images: Tensor) -> Centring:
    """The same for grey images, whose mean and deviation are computed.

    Args:
        scale: as `centre_colours`.
        images: the training images, uint8.
    """
    if scale == "symmetric":
        return _SYMMETRIC
    values = images.float()
    return Centring(float(values.mean()), float(values.std()) if scale == "unit" else 1.0)
