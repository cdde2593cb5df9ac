"""A prepared image set as tensors."""

from pathlib import Path

import numpy as np
import torch

from bnrepro.data.dataset import Dataset, Split
from bnrepro.data.input_scale import InputScale, centre_colours
from bnrepro.data.jpegs import JpegImages, jpeg_decoder
from bnrepro.data.prepared_files import Index, SplitName, damage, images_file, read_index, sha256

_MAPPED_ABOVE = 8 * 2**30  # bytes of a split


def load_prepared(folder: Path, scale: InputScale = "symmetric") -> Dataset:
    """A prepared set: pixels in memory, or mapped where they are many; JPEG always mapped.

    A mapped set is read page by page as mini-batches ask for it, and the system keeps in memory
    what fits. The checksums of a large one (over 8 GiB) are compared by `bnrepro data verify`, not
    here.

    Args:
        folder: of the prepared set.
        scale: of what the network receives.

    Raises:
        UserError: a file is missing, cut short or altered, or there is no decoder for it.
    """
    index = read_index(folder)
    centring = centre_colours(scale)
    return Dataset(
        train=_load_split(folder, "train", index),
        test=_load_split(folder, "val", index),
        class_names=tuple(index.descriptions),
        input_mean=centring.mean,
        input_scale=centring.scale,
    )


def _load_split(folder: Path, name: SplitName, index: Index) -> Split:
    path, num_bytes = images_file(folder, name, index.storage), index.num_bytes(name)
    if not path.is_file() or path.stat().st_size != num_bytes:
        raise damage(path)
    is_large = num_bytes > _MAPPED_ABOVE
    if not is_large and sha256(path) != index.splits[name].sha256:
        raise damage(path)
    labels = torch.tensor(index.splits[name].labels, dtype=torch.int64)
    is_mapped = is_large or index.storage == "jpeg"
    if is_mapped:
        content = torch.from_file(str(path), shared=False, size=num_bytes, dtype=torch.uint8)
    else:
        content = torch.from_numpy(np.fromfile(path, dtype=np.uint8))
    if index.storage == "pixels":
        shape = len(labels), 3, index.size, index.size
        return Split(content.view(shape), labels, is_mapped)
    jpeg_decoder()  # before the first mini-batch asks for it
    offsets = np.concatenate([[0], np.cumsum(index.splits[name].lengths)])
    side = range(index.size)
    return Split(
        JpegImages(content, offsets, np.arange(len(labels)), side, side), labels, is_mapped
    )
