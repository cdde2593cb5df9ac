"""Batch normalization changed in one respect, to see what that one does."""

import torch
from torch import Tensor, nn

from bnrepro.nn.batch_norm import BatchNorm, scale_and_shift


class DetachedBatchNorm(BatchNorm):
    """Batch normalization whose gradient takes the mean and the variance for constants.

    What Section 2 warns of: the optimizer does not know of the normalization. The function is that
    of `BatchNorm`, the gradient in x is gamma / sqrt(var + eps) alone.
    """

    def _normalize(
        self, x: Tensor, gamma: Tensor | None, beta: Tensor | None, axes: tuple[int, ...]
    ) -> tuple[Tensor, Tensor, Tensor]:
        var, mu = torch.var_mean(x.detach(), axes, correction=0, keepdim=True)
        m = x.numel() // mu.numel()
        y = (x - mu) * torch.rsqrt(var + self.eps)
        return scale_and_shift(y, gamma, beta), mu, var * (m / (m - 1))


class GhostBatchNorm(BatchNorm):
    """Batch normalization by groups of a mini-batch's examples (Hoffer et al. 2017, Algorithm 1).

    In training each group is normalized by its own mean and variance; the averages are those over
    the groups. A group of the whole mini-batch is batch normalization.

    Args:
        num_features: as of `BatchNorm`.
        eps: likewise.
        momentum: likewise.
        examples: in a group.

    Raises:
        ValueError: the groups do not divide the mini-batch.
    """

    def __init__(
        self,
        num_features: int | tuple[int, int, int],
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        *,
        examples: int,
    ) -> None:
        super().__init__(num_features, eps, momentum)
        self.examples = examples

    def _normalize(
        self, x: Tensor, gamma: Tensor | None, beta: Tensor | None, axes: tuple[int, ...]
    ) -> tuple[Tensor, Tensor, Tensor]:
        if not self.training:
            return super()._normalize(x, gamma, beta, axes)
        if len(x) % self.examples:
            raise ValueError(f"groups of {self.examples} do not divide a mini-batch of {len(x)}")
        x_GN = x.unflatten(0, (-1, self.examples))
        within = tuple(axis + 1 for axis in axes)
        y_GN, mu_G, var_G = super()._normalize(x_GN, None, None, within)
        y = scale_and_shift(y_GN.flatten(0, 1), gamma, beta)
        return y, mu_G.mean(0), var_G.mean(0)


class ShiftingNoise(nn.Module):
    """Noise behind a normalization whose mean and variance change at every step, in training.

    "Noisy" batch normalization (Santurkar et al. 2018, Section 2.1 and Appendix A): a feature's
    noise has a mean from U(-0.5, 0.5) and a scale from U(1, 1.25), drawn anew every step; each
    value is multiplied by a draw from N(scale, 0.1), 0.1 the deviation, and moved by one from
    U(mean - 0.1, mean + 0.1).
    """

    def forward(self, x: Tensor) -> Tensor:
        """(N, C) or (N, C, H, W) to the same shape."""
        if not self.training:
            return x
        per_feature = (1, x.shape[1], *[1] * (x.dim() - 2))
        mean = x.new_empty(per_feature).uniform_(-0.5, 0.5)
        scale = x.new_empty(per_feature).uniform_(1, 1.25)
        moved = mean + torch.empty_like(x).uniform_(-0.1, 0.1)
        return x * (scale + 0.1 * torch.randn_like(x)) + moved
