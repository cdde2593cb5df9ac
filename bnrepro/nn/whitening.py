"""Whitening of a mini-batch: what Section 2 calls expensive, and batch normalization simplifies."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from bnrepro.nn.moving_averages import MovingAverages, like, values_of


class _InverseRoot(torch.autograd.Function):
    """S^(-1/2) of a symmetric positive matrix, and its gradient.

    With S = U diag(l) U', a change dS changes S^(-1/2) by U (K * U' dS U) U', where K_ij is the
    divided difference of l^(-1/2) (Higham 2008, Theorem 3.11). For this function it is
    -1 / (sqrt(l_i l_j) (sqrt(l_i) + sqrt(l_j))): finite where eigenvalues are equal, at which the
    gradient through the eigenvectors themselves is not.
    """

    @staticmethod
    def forward(ctx: Any, S_CC: Tensor, least: float) -> Tensor:
        """By the eigendecomposition.

        Where features are many times larger than sqrt(eps), or two are equal, rounding makes
        eigenvalues that are smaller than they can be, even negative.

        Args:
            ctx: autograd's.
            S_CC: the matrix.
            least: no eigenvalue can be below it.
        """
        values, U = torch.linalg.eigh(S_CC)
        roots = values.clamp(min=least).sqrt()
        ctx.save_for_backward(roots, U)
        inverse_root: Tensor = (U / roots) @ U.T
        return inverse_root

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """The adjoint of the derivative above, which is self-adjoint."""
        roots, U = ctx.saved_tensors
        K = -1 / (torch.outer(roots, roots) * (roots[:, None] + roots))
        symmetric = (gradient + gradient.T) / 2
        grad_S: Tensor = U @ (K * (U.T @ symmetric @ U)) @ U.T
        return grad_S, None


class Whitening(MovingAverages):
    """y = gamma (S + eps I)^(-1/2) (x - E[x]) + beta, with S the mini-batch's covariance.

    ZCA whitening (Section 2's Cov[x]^(-1/2)(x - E[x]); Huang et al. 2018, "Decorrelated Batch
    Normalization", Section 3): the features of the output are uncorrelated over the mini-batch.
    Inference uses the moving averages of E[x] and the unbiased S, or the estimates that have taken
    their place.

    Args:
        num_features: C, for inputs (N, C) and (N, C, H, W), whose covariance covers all positions.
        eps: added to the eigenvalues of S.
        momentum: weight of the newest mini-batch in the averages; None: the mean over all so far.
        gradient: through E[x] and S, too; without it the optimizer takes them for constants.

    Raises:
        ValueError: a mini-batch in training has no more values than features: S is singular.
    """

    running_mean: Tensor
    running_covariance: Tensor

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        gradient: bool = True,
    ) -> None:
        mean, covariance = torch.zeros(num_features), torch.eye(num_features)
        super().__init__(momentum, mean=mean, covariance=covariance)
        self.eps = eps
        self.gradient = gradient
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        x_MC = values_of(x)
        mean, S_CC = self._of_batch(x_MC) if self.training else self.averages()
        diagonal = self.eps * torch.eye(len(S_CC), dtype=S_CC.dtype, device=S_CC.device)
        root_CC: Tensor = _InverseRoot.apply(S_CC + diagonal, self.eps)
        return like((x_MC - mean) @ root_CC * self.weight + self.bias, x)

    def _of_batch(self, x_MC: Tensor) -> tuple[Tensor, Tensor]:
        m, width = x_MC.shape
        if m <= width:
            raise ValueError(
                f"whitening needs more values than features, got {m} of {width}; use a larger "
                "mini-batch"
            )
        seen = x_MC if self.gradient else x_MC.detach()
        mean = seen.mean(0)
        S_CC = (seen - mean).T @ (seen - mean) / m
        self.track(mean, S_CC * (m / (m - 1)))
        return mean, S_CC
