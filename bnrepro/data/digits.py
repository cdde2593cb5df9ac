"""scikit-learn's handwritten digits, the embedded data set."""

import numpy as np
import torch
from torch.nn import functional

from bnrepro.data.dataset import Dataset, Split, binarize

_TEST_EXAMPLES = 357
_SPLIT_SEED = 2015


def load_digits(threshold: int) -> Dataset:
    """1,440 training and 357 test images, (1, 28, 28) binary, 10 classes; no network needed.

    The 8x8 images of 17 grey levels are brought to 28x28 by bilinear interpolation and 0 to 255
    before the threshold. The split is one fixed shuffle: the file is ordered by writer.

    Args:
        threshold: a pixel above this grey level becomes 1, else 0.
    """
    from sklearn.datasets import load_digits as load_bunch

    bunch = load_bunch()
    small = torch.from_numpy(bunch.images).float()[:, None] * (255 / 16)
    images = binarize(functional.interpolate(small, size=(28, 28), mode="bilinear"), threshold)
    labels = torch.from_numpy(bunch.target.astype(np.int64))
    shuffled = torch.from_numpy(np.random.default_rng(_SPLIT_SEED).permutation(len(labels)))
    test, train = shuffled[:_TEST_EXAMPLES], shuffled[_TEST_EXAMPLES:]
    return Dataset(
        train=Split(images[train], labels[train]),
        test=Split(images[test], labels[test]),
        num_classes=10,
    )
