"""Images stored as JPEG, decoded when they are asked for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import EllipsisType
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bnrepro.errors import UserError
from bnrepro.messages import reason

Decoder = Callable[[list[Tensor]], list[Tensor]]


@dataclass(frozen=True)
class JpegImages:
    """A selection of the images of a file: as a tensor of them, but not yet decoded.

    A selection is made as of a tensor, ``images[indices]`` or ``images[..., rows, columns]``, and
    `to` decodes it.

    Attributes:
        content: the file, (bytes,), uint8, mapped.
        offsets: where each image begins in it, and where the last one ends, (all images + 1,).
        chosen: which images, (N,).
        rows: of the images, which are square.
        columns: likewise.
    """

    content: Tensor
    offsets: NDArray[np.int64]
    chosen: NDArray[np.int64]
    rows: range
    columns: range

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, 3, H, W)."""
        return len(self.chosen), 3, len(self.rows), len(self.columns)

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, key: slice | Tensor | tuple[EllipsisType, slice, slice]) -> "JpegImages":
        if isinstance(key, tuple):
            _, rows, columns = key
            return replace(self, rows=self.rows[rows], columns=self.columns[columns])
        indices = key if isinstance(key, slice) else key.numpy()
        return replace(self, chosen=self.chosen[indices])

    def split(self, size: int) -> Iterator["JpegImages"]:
        """Parts of ``size`` images, as of a tensor."""
        return (self[i : i + size] for i in range(0, len(self), size))

    def to(self, device: torch.device | str) -> Tensor:
        """The images decoded, (N, 3, H, W), uint8."""
        starts, ends = self.offsets[self.chosen], self.offsets[self.chosen + 1]
        files = [self.content[start:end] for start, end in zip(starts, ends, strict=True)]
        images_NCHW = torch.stack(jpeg_decoder()(files))
        window = (
            ...,
            slice(self.rows.start, self.rows.stop),
            slice(self.columns.start, self.columns.stop),
        )
        return images_NCHW[window].to(device)


def jpeg_decoder() -> Decoder:
    """Decodes JPEG files, each a tensor of bytes, to (3, H, W), uint8, on the CPU.

    Raises:
        UserError: torchcodec is not installed.
    """
    # Its pixels are Pillow's, in half the time; torchvision gives its own decoders up.
    try:
        from torchcodec.decoders import decode_jpeg  # type: ignore[attr-defined]
    except (ImportError, RuntimeError, OSError) as error:
        raise UserError(
            f"data.storage=jpeg: torchcodec cannot be used ({reason(error)}); "
            "pip install '.[jpeg]', or set data.storage=pixels"
        ) from error
    return cast(Decoder, decode_jpeg)
