"""Grey levels read as probabilities: one reading of the paper's "binary image" (Section 4.1)."""

import numpy as np
import torch
from torch import Tensor

_PURPOSE = 3  # keeps these draws apart from those of the order and of the augmentation
_WHITE = 255


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
    generator = np.random.default_rng([seed, step, _PURPOSE])
    # 0 to 254, so that black never and white always becomes 1.
    levels = generator.integers(_WHITE, size=tuple(images_NCHW.shape), dtype=np.uint8)
    return (images_NCHW > torch.from_numpy(levels).to(images_NCHW.device)).to(torch.uint8)
