"""Section 3.3: BN(Wu) = BN((aW)u), so that the scale of a layer's weights does not matter."""

import pandas as pd
import torch
from torch import Tensor

from bnrepro.nn import BatchNorm

_SCALES = (0.1, 0.5, 2.0, 10.0, 100.0)
# The equalities leave out the epsilon in the variance; 1e-5 moves the output by 6e-4 at a = 0.1.
_EPS = 1e-12
_EXAMPLES, _FAN_IN, _UNITS = 60, 100, 100  # the MNIST network's


def compare_scaled_weights() -> pd.DataFrame:
    """Compare a normalized layer with itself under scaled weights, in double precision.

    A row a scale a, with the largest difference of an element, relative to the unscaled layer's
    largest: of the output, of the gradient with respect to the layer's input, and of a times the
    gradient with respect to the weights. The paper says that all three are 0.
    """
    generator = torch.Generator().manual_seed(0)
    u_NI = torch.randn(_EXAMPLES, _FAN_IN, generator=generator, dtype=torch.float64)
    W_OI = torch.randn(_UNITS, _FAN_IN, generator=generator, dtype=torch.float64) / _FAN_IN**0.5
    upstream_NO = torch.randn(_EXAMPLES, _UNITS, generator=generator, dtype=torch.float64)
    y, grad_u, grad_W = _layer(u_NI, W_OI, upstream_NO)
    rows = []
    for scale in _SCALES:
        y_a, grad_u_a, grad_W_a = _layer(u_NI, scale * W_OI, upstream_NO)
        rows.append(
            {
                "scale": scale,
                "output_difference": _difference(y_a, y),
                "input_gradient_difference": _difference(grad_u_a, grad_u),
                "weight_gradient_difference": _difference(scale * grad_W_a, grad_W),
            }
        )
    return pd.DataFrame(rows)


def _layer(u_NI: Tensor, W_OI: Tensor, upstream_NO: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """BN(Wu), and the gradients of its product with ``upstream_NO`` in u and W."""
    u_NI, W_OI = u_NI.clone().requires_grad_(), W_OI.clone().requires_grad_()
    y_NO = BatchNorm(_UNITS, eps=_EPS).double()(u_NI @ W_OI.T)
    grad_u, grad_W = torch.autograd.grad(y_NO, (u_NI, W_OI), upstream_NO)
    return y_NO.detach(), grad_u, grad_W


def _difference(a: Tensor, b: Tensor) -> float:
    return float((a - b).abs().max() / b.abs().max())
