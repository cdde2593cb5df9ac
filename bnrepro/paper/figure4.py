"""Figure 4 of the paper, the table: BN-Inception beside its competitors on ImageNet."""

from typing import NamedTuple

import numpy as np

ENSEMBLE_SIZE = 6


class Figure4Row(NamedTuple):
    """A row of the table.

    Attributes:
        model: as the paper names it.
        resolution: of the input, in pixels, or "variable".
        crops: of each image; None: not listed.
        models: networks averaged; None: not listed.
        top1_error: a fraction; NaN: not listed.
        top5_error: likewise.
        is_ours: whether it is a network of the paper; the others are its competitors.
    """

    model: str
    resolution: str
    crops: int | None
    models: int | None
    top1_error: float
    top5_error: float
    is_ours: bool


FIGURE_4 = (
    Figure4Row("GoogLeNet ensemble", "224", 144, 7, np.nan, 0.0667, False),
    Figure4Row("Deep Image low-res", "256", None, 1, np.nan, 0.0796, False),
    Figure4Row("Deep Image high-res", "512", None, 1, 0.2488, 0.0742, False),
    Figure4Row("Deep Image ensemble", "variable", None, None, np.nan, 0.0598, False),
    Figure4Row("BN-Inception single crop", "224", 1, 1, 0.252, 0.0782, True),
    Figure4Row("BN-Inception multicrop", "224", 144, 1, 0.2199, 0.0582, True),
    Figure4Row("BN-Inception ensemble", "224", 144, ENSEMBLE_SIZE, 0.201, 0.049, True),
)
