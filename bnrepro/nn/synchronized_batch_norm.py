"""Batch normalization over the mini-batches of several processes together."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable

from bnrepro.nn.batch_norm import BatchNorm, scale_and_shift


def _mean_over_processes(value: Tensor) -> Tensor:
    """The mean of everyone's values, added up in the same order everywhere."""
    values = [torch.empty_like(value) for _ in range(dist.get_world_size())]
    dist.all_gather(values, value.contiguous())
    total = values[0]
    for other in values[1:]:
        total = total + other
    return total / len(values)


class _SynchronizedFunction(torch.autograd.Function):
    """xhat = (x - mu) / sqrt(var + eps), mu and var over all processes; they carry no gradient.

    Every process has as many examples, so that means of means are means.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, axes: tuple[int, ...], eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Algorithm 1."""
        mu = _mean_over_processes(x.mean(axes, keepdim=True))
        var = _mean_over_processes((x - mu).square().mean(axes, keepdim=True))
        inverse_std = torch.rsqrt(var + eps)
        xhat = (x - mu) * inverse_std
        ctx.axes = axes
        ctx.save_for_backward(xhat, inverse_std)
        ctx.mark_non_differentiable(mu, var)
        return xhat, mu, var

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad: Tensor, _grad_mu: Tensor, _grad_var: Tensor
    ) -> tuple[Tensor, None, None]:
        """Of the losses of all processes together, with respect to this one's inputs.

        The equations after Algorithm 1 in Section 3, their three terms put together.
        """
        xhat, inverse_std = ctx.saved_tensors
        mean = _mean_over_processes(grad.mean(ctx.axes, keepdim=True))
        slope = _mean_over_processes((grad * xhat).mean(ctx.axes, keepdim=True))
        return inverse_std * (grad - mean - xhat * slope), None, None


class SynchronizedBatchNorm(BatchNorm):
    """`BatchNorm` whose training statistics are those of all processes together (SyncBN).

    Unlike torch's, which needs GPUs, it adds up in a fixed order, so that a run can be repeated to
    the bit. Without gradients, as when one process estimates population statistics by itself, the
    mini-batch stands alone. All processes have mini-batches of one size.
    """

    def _normalize(
        self, x: Tensor, gamma: Tensor | None, beta: Tensor | None, axes: tuple[int, ...]
    ) -> tuple[Tensor, Tensor, Tensor]:
        if not (self.training and torch.is_grad_enabled() and dist.is_initialized()):
            return super()._normalize(x, gamma, beta, axes)
        y, mu, var = _SynchronizedFunction.apply(x, axes, self.eps)
        m = dist.get_world_size() * x.numel() // mu.numel()
        return scale_and_shift(y, gamma, beta), mu, var * (m / (m - 1))
