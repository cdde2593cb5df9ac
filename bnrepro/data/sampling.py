"""Grey levels read as probabilities: one reading of the paper's "binary image" (Section 4.1)."""

import numpy as np
import torch
from torch import Tensor

_PURPOSE = 3  # keeps these draws apart from those of the order and of the augmentation


def sample_pixels(images_NCHW: Tensor, seed: int, step: int) -> Tensor:
    """Each pixel 1 with its grey level, of 255, as the probability, else 0.

    The draws are a pure function of (seed, step): nothing has to be saved to go on with them.

    Args:
        images_NCHW: grey levels, uint8.
        seed: the run's.
        step: of the update, from 0.

    Returns:
        The same shape, uint8.
    """
    thresholds = _draw_thresholds(images_NCHW.numel(), seed, step).view(images_NCHW.shape)
    return (images_NCHW >= thresholds.to(images_NCHW.device)).view(torch.uint8)


def _draw_thresholds(count: int, seed: int, step: int) -> Tensor:
    """Numbers from 1 to 255, each as likely: black never and white always reaches one."""
    # Random bytes without the zeros: what Generator.integers makes of the same bytes one by one, in
    # a third of its time. One byte of 256 is a zero; twice as many and 512 are to spare.
    words = np.random.PCG64([seed, step, _PURPOSE]).random_raw((count + count // 128 + 512) // 8)
    levels = words.astype("<u8", copy=False).tobytes().replace(b"\0", b"")
    return torch.frombuffer(bytearray(levels), dtype=torch.uint8, count=count)
