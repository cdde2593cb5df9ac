"""scikit-learn's handwritten digits, the embedded data set."""

import numpy as np
import torch
from torch.nn import functional

from bnrepro.data.dataset import Dataset, Split, binarize

_TEST_EXAMPLES = 357
_SPLIT_SEED = 2015


def load_digits(threshold: int | None, size: int = 28, channels: int = 1) -> Dataset:
    """1,440 training and 357 test images, (channels, size, size), 10 classes; no network needed.

    The 8x8 images of 17 grey levels are enlarged by bilinear interpolation and brought to 0 to 255
    before the threshold. The split is one fixed shuffle: the file is ordered by writer.

    Args:
        threshold: a pixel above this grey level becomes 1, else 0; None: grey levels, which the
            network receives from -1 to 1.
        size: height and width, in pixels.
        channels: copies of the grey channel.
    """
    from sklearn.datasets import load_digits as load_bunch

    bunch = load_bunch()
    small = torch.from_numpy(bunch.images).float()[:, None] * (255 / 16)
    grey = functional.interpolate(small, size=(size, size), mode="bilinear")
    images = grey.round().to(torch.uint8) if threshold is None else binarize(grey, threshold)
    images = images.expand(-1, channels, -1, -1).contiguous()
    labels = torch.from_numpy(bunch.target.astype(np.int64))
    shuffled = torch.from_numpy(np.random.default_rng(_SPLIT_SEED).permutation(len(labels)))
    test, train = shuffled[:_TEST_EXAMPLES], shuffled[_TEST_EXAMPLES:]
    return Dataset(
        train=Split(images[train], labels[train]),
        test=Split(images[test], labels[test]),
        class_names=tuple(map(str, range(10))),
        input_mean=127.5 if threshold is None else 0.0,
        input_scale=127.5 if threshold is None else 1.0,
    )
