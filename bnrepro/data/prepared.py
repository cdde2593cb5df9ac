"""A prepared image set as tensors."""

import hashlib
from pathlib import Path

import numpy as np
import torch

from bnrepro.data.class_names import describe_classes
from bnrepro.data.dataset import Dataset, Split
from bnrepro.data.input_scale import InputScale, centre_colours
from bnrepro.data.prepared_files import Index, SplitName, damage, pixels_file, read_index

_MAPPED_ABOVE = 8 * 2**30  # bytes of a split


def load_prepared(folder: Path, scale: InputScale = "symmetric") -> Dataset:
    """A prepared set as one uint8 tensor a split: in memory, or mapped where it is large.

    A large set (over 8 GiB) is read page by page as mini-batches ask for it, and the system keeps
    in memory what fits; its checksums are compared by `bnrepro data verify`, not here.

    Args:
        folder: of the prepared set.
        scale: of what the network receives.

    Raises:
        UserError: a file is missing, cut short or altered.
    """
    index = read_index(folder)
    centring = centre_colours(scale)
    return Dataset(
        train=_load_split(folder, "train", index),
        test=_load_split(folder, "val", index),
        class_names=describe_classes(index.classes, Path(index.source)),
        input_mean=centring.mean,
        input_scale=centring.scale,
    )


def _load_split(folder: Path, name: SplitName, index: Index) -> Split:
    path, num_bytes = pixels_file(folder, name), index.num_bytes(name)
    if not path.is_file() or path.stat().st_size != num_bytes:
        raise damage(path)
    is_mapped = num_bytes > _MAPPED_ABOVE
    if is_mapped:
        pixels = torch.from_file(str(path), shared=False, size=num_bytes, dtype=torch.uint8)
    else:
        values = np.fromfile(path, dtype=np.uint8)
        if hashlib.sha256(values.data).hexdigest() != index.splits[name].sha256:
            raise damage(path)
        pixels = torch.from_numpy(values)
    labels = torch.tensor(index.splits[name].labels, dtype=torch.int64)
    return Split(pixels.view(len(labels), 3, index.size, index.size), labels, is_mapped)
