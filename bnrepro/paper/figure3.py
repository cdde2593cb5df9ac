"""Figure 3 of the paper, the table: steps to match Inception, and maximum accuracy."""

from typing import NamedTuple

import numpy as np


class Figure3Row(NamedTuple):
    """A row of the table.

    Attributes:
        steps: to 72.2 % single-crop validation accuracy, in millions; NaN: never, or not listed.
        accuracy: the maximum, as a fraction; NaN: not listed.
    """

    steps: float
    accuracy: float


FIGURE_3 = {
    "Inception": Figure3Row(31.0, 0.722),
    "BN-Baseline": Figure3Row(13.3, 0.727),
    "BN-x5": Figure3Row(2.1, 0.730),
    "BN-x30": Figure3Row(2.7, 0.748),
    "BN-x5-Sigmoid": Figure3Row(np.nan, 0.698),
}
