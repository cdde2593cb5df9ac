"""Batch Renormalization."""

import torch
from torch import Tensor, nn

from bnrepro.nn.moving_averages import MovingAverages, like, values_of


class BatchRenorm(MovingAverages):
    """Batch Renormalization (Ioffe 2017, Algorithm 1): training agrees with inference.

    In training, y = gamma ((x - mu_B) / sigma_B r + d) + beta with r = sigma_B / sigma, cut to
    [1 / r_max, r_max], and d = (mu_B - mu) / sigma, cut to [-d_max, d_max]; no gradient goes
    through r and d. Uncut, that is normalization by the averages mu and sigma, as at inference;
    with r_max = 1 and d_max = 0 it is batch normalization. Both limits rise linearly from there:
    the paper lets them after 5,000 steps, r_max to 3 at 40,000 and d_max to 5 at 25,000.

    The average is of the variance, as in batch normalization, where the paper's is of sigma.

    Args:
        num_features: C, for inputs (N, C) and (N, C, H, W).
        eps: added to the variance.
        momentum: weight of the newest mini-batch in the averages; None: the mean over all so far.
        r_max: the largest factor.
        d_max: the largest shift, in deviations.
        plain_steps: training mini-batches at first, for which it is batch normalization.
        rise_steps: mini-batches over which the limits rise to their ends.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        r_max: float = 3.0,
        d_max: float = 5.0,
        plain_steps: int = 5_000,
        rise_steps: int = 20_000,
    ) -> None:
        super().__init__(momentum, mean=torch.zeros(num_features), var=torch.ones(num_features))
        self.eps = eps
        self.r_max = r_max
        self.d_max = d_max
        self.plain_steps = plain_steps
        self.rise_steps = rise_steps
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        x_MC = values_of(x)
        y_MC = self._train(x_MC) if self.training else self._centred(x_MC) / self._deviation()
        return like(y_MC * self.weight + self.bias, x)

    def _train(self, x_MC: Tensor) -> Tensor:
        var, mean = torch.var_mean(x_MC, 0, correction=0)
        deviation = (var + self.eps).sqrt()
        done = (self.num_batches_tracked - self.plain_steps) / self.rise_steps
        share = done.clamp(0, 1)
        r_limit, d_limit = 1 + (self.r_max - 1) * share, self.d_max * share
        with torch.no_grad():
            r = (deviation / self._deviation()).clamp(1 / r_limit, r_limit)
            d = (self._centred(mean) / self._deviation()).clamp(-d_limit, d_limit)
        m = len(x_MC)
        self.track(mean, var * (m / (m - 1)))
        return (x_MC - mean) / deviation * r + d

    def _centred(self, x: Tensor) -> Tensor:
        return x - self.running_mean

    def _deviation(self) -> Tensor:
        return (self.running_var + self.eps).sqrt()
