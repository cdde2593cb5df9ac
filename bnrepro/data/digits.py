"""scikit-learn's handwritten digits, the embedded data set."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from bnrepro.data.dataset import Dataset, Split, binarize
from bnrepro.data.input_scale import Centring, InputScale, centre_greys

_TEST_EXAMPLES = 357
_SPLIT_SEED = 2015


@cache  # most of what setting a short run up takes
def load_digits(
    threshold: int | None,
    size: int = 28,
    channels: int = 1,
    scale: InputScale = "symmetric",
) -> Dataset:
    """1,440 training and 357 test images, (channels, size, size), 10 classes; no network needed.

    The 8x8 images of 17 grey levels are enlarged by bilinear interpolation and brought to 0 to 255
    before the threshold. The split is one fixed shuffle: the file is ordered by writer. A process
    has each form of them once: nobody is to change the tensors.

    Args:
        threshold: a pixel above this grey level becomes 1, else 0; None: grey levels.
        size: height and width, in pixels.
        channels: copies of the grey channel.
        scale: of the grey levels that the network receives; 0 and 1 stay.
    """
    pixels, targets = _read()
    small = torch.from_numpy(pixels).float().view(-1, 1, 8, 8) * (255 / 16)
    grey = functional.interpolate(small, size=(size, size), mode="bilinear")
    images = grey.round().to(torch.uint8) if threshold is None else binarize(grey, threshold)
    images = images.expand(-1, channels, -1, -1).contiguous()
    labels = torch.from_numpy(targets)
    shuffled = torch.from_numpy(np.random.default_rng(_SPLIT_SEED).permutation(len(labels)))
    test, train = shuffled[:_TEST_EXAMPLES], shuffled[_TEST_EXAMPLES:]
    centring = Centring(0.0, 1.0) if threshold is not None else centre_greys(scale, images[train])
    return Dataset(
        train=Split(images[train], labels[train]),
        test=Split(images[test], labels[test]),
        class_names=tuple(map(str, range(10))),
        input_mean=centring.mean,
        input_scale=centring.scale,
    )


def _read() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Grey levels, 0 to 16, (1797, 64), and labels: scikit-learn's file.

    Without its loader, which takes half as long to import as torch.
    """
    package = find_spec("sklearn")
    assert package is not None
    assert package.origin is not None
    file = Path(package.origin).parent / "datasets/data/digits.csv.gz"
    table = np.loadtxt(file, dtype=np.int64, delimiter=",")
    return table[:, :-1], table[:, -1]
