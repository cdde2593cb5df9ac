"""The curves of the paper's figures, read off the vector drawings of arXiv 1502.03167v3.

The files under ``digitized/`` hold every point: facts about a published figure. The axes were
checked against numbers that the paper prints: Figure 2's diamonds land on the steps of Figure 3.
``googlenet128`` and ``googlenet128_bn`` are not the paper's: steps at which GoogLeNet at 128 px
reaches an accuracy in a plot of ducha-aiki/caffenet-benchmark (batchnorm.md), and its end.
"""

from importlib.resources import files

import numpy as np

from bnrepro.measure.curves import Points


def paper_curve(name: str) -> Points:
    """A digitized curve: training steps; accuracies as fractions, or inputs to a sigmoid.

    Args:
        name: ``fig1a_with_bn``, ``fig1a_without_bn`` (test accuracy, to 3e-4), ``fig1b_p15`` and
            so on to ``fig1c_p85`` (input to the sigmoid; steps if the axis spans 0 to 50K, an
            inference), ``fig2_Inception`` and so on, or ``googlenet128`` and ``googlenet128_bn``
            (single-crop validation accuracy@1).

    Raises:
        FileNotFoundError: no such curve.
    """
    text = files("bnrepro.paper").joinpath("digitized", f"{name}.csv").read_text(encoding="utf-8")
    points = np.array([line.split(",") for line in text.splitlines()[1:]], dtype=np.float64)
    return Points(points[:, 0], points[:, 1])
