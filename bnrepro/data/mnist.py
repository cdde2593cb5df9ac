"""MNIST as tensors."""

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from bnrepro.data.dataset import Dataset, Split, binarize
from bnrepro.data.mnist_files import fetch_mnist, find_mnist, read_mnist_file

Binarization = Literal["threshold", "sample", "none"]

_IMAGES_HEADER, _LABELS_HEADER = 16, 8  # bytes of the IDX format before the values


def load_mnist(
    threshold: int, root: str | None = None, reading: Binarization = "threshold"
) -> Dataset:
    """60,000 training and 10,000 test images, (1, 28, 28), 10 classes.

    Args:
        threshold: a pixel above this grey level (0 to 254) becomes 1, else 0.
        root: folder to look in first; then BNREPRO_DATA, then the cache folder; then download.
        reading: of "binary" (Section 4.1). ``threshold``: all images by the threshold. ``sample``:
            test images by the threshold; training images stay grey, and whoever makes mini-batches
            draws each pixel with its grey value as probability. ``none``: grey, from 0 to 1.

    Raises:
        UserError: a file is missing, cut short or altered, or the download failed.
    """
    folder = find_mnist(root) or fetch_mnist(root)
    images = {part: _images(folder, part) for part in ("train", "t10k")}
    if reading == "threshold":
        images["train"] = binarize(images["train"], threshold)
    if reading != "none":
        images["t10k"] = binarize(images["t10k"], threshold)
    labels = {part: _labels(folder, part) for part in ("train", "t10k")}
    return Dataset(
        train=Split(images["train"], labels["train"]),
        test=Split(images["t10k"], labels["t10k"]),
        class_names=tuple(map(str, range(10))),
        input_scale=255.0 if reading == "none" else 1.0,
    )


def _images(folder: Path, part: str) -> Tensor:
    raw = read_mnist_file(folder, f"{part}-images-idx3-ubyte")
    pixels = np.frombuffer(raw, dtype=np.uint8, offset=_IMAGES_HEADER).copy()
    return torch.from_numpy(pixels).view(-1, 1, 28, 28)


def _labels(folder: Path, part: str) -> Tensor:
    raw = read_mnist_file(folder, f"{part}-labels-idx1-ubyte")
    return torch.from_numpy(np.frombuffer(raw, np.uint8, offset=_LABELS_HEADER).astype(np.int64))
