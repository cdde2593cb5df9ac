"""Grey levels read as probabilities: one reading of the paper's "binary image" (Section 4.1)."""

import math

import numpy as np
import torch
from torch import Tensor

_PURPOSE = 3  # keeps these draws apart from those of the order and of the augmentation


def sample_pixels(images_NCHW: Tensor, thresholds_NCHW: Tensor) -> Tensor:
    """Each pixel 1 with its grey level, of 255, as the probability, else 0.

    Args:
        images_NCHW: grey levels, uint8.
        thresholds_NCHW: drawn by `draw_thresholds`.

    Returns:
        The same shape, uint8.
    """
    # Not a view of the truth values as numbers, which keeps a compiled step from using vectors.
    return (images_NCHW >= thresholds_NCHW).to(torch.uint8)


def draw_thresholds(shape: tuple[int, ...], seed: int, step: int) -> Tensor:
    """Numbers from 1 to 255, each as likely: black never and white always reaches one.

    A pure function of (seed, step): nothing has to be saved to go on with them.

    Args:
        shape: of a mini-batch.
        seed: the run's.
        step: of the update, from 0.

    Returns:
        Of that shape, uint8, on the CPU.
    """
    count = math.prod(shape)
    # Random bytes without the zeros: what Generator.integers makes of the same bytes one by one, in
    # a third of its time. One byte of 256 is a zero; twice as many and 512 are to spare.
    words = np.random.PCG64([seed, step, _PURPOSE]).random_raw((count + count // 128 + 512) // 8)
    levels = words.astype("<u8", copy=False).tobytes().replace(b"\0", b"")
    return torch.frombuffer(bytearray(levels), dtype=torch.uint8, count=count).view(shape)
