"""A picture brought to the form of a run's data."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from bnrepro.config.options.data import Digits, ImageFolder, Mnist
from bnrepro.config.schema import RunConfig
from bnrepro.data.dataset import Dataset, binarize, centre_crop
from bnrepro.data.pictures import centre_square
from bnrepro.inference.description import Preprocessing


def preprocessing_of(config: RunConfig, dataset: Dataset, stored_size: int) -> Preprocessing:
    """How pictures are prepared for a run's network: as its held-out data were.

    Args:
        config: the run.
        dataset: as the network receives it.
        stored_size: height and width of the held-out images as they are stored.
    """
    match config.data:
        case Digits(threshold=threshold) | Mnist(threshold=threshold):
            is_grey = True
        case ImageFolder():
            is_grey, threshold = False, None
    channels, size, _ = dataset.input_shape
    return Preprocessing(
        colours="grey" if is_grey else "RGB",
        stored_size=stored_size,
        input_size=size,
        threshold=threshold,
        channels=channels,
        input_mean=dataset.input_mean,
        input_scale=dataset.input_scale,
    )


def prepare_picture(image: Image.Image, how: Preprocessing) -> Tensor:
    """A picture as pixels that the network takes.

    A picture of the stored size whose values are those of the data comes out as the data's.

    Args:
        image: in RGB.
        how: of the network.

    Returns:
        (channels, size, size), uint8.
    """
    coloured = image.convert("L") if how.colours == "grey" else image
    square = np.array(centre_square(coloured, how.stored_size))
    pixels_CHW = torch.from_numpy(np.atleast_3d(square)).permute(2, 0, 1)
    pixels_CSS = centre_crop(pixels_CHW, how.input_size)
    if how.threshold is not None:
        pixels_CSS = binarize(pixels_CSS, how.threshold)
    return pixels_CSS.expand(how.channels, -1, -1).contiguous()
