"""Batch normalization written from the paper: Algorithm 1 and its backward pass."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class _BatchNormFunction(torch.autograd.Function):
    """y = gamma (x - mu) / sqrt(var + eps) + beta over the given axes, and its gradient.

    Also returns mu and var (biased), which the moving averages need; they carry no gradient.
    """

    @staticmethod
    def forward(
        x: Tensor, gamma: Tensor | None, beta: Tensor | None, axes: tuple[int, ...], eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Algorithm 1."""
        mu = x.mean(axes, keepdim=True)
        var = (x - mu).square().mean(axes, keepdim=True)
        y = (x - mu) * torch.rsqrt(var + eps)
        return scale_and_shift(y, gamma, beta), mu, var

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Keep what the backward pass needs."""
        x, gamma, beta, axes, eps = inputs
        _, mu, var = output
        ctx.mark_non_differentiable(mu, var)
        ctx.save_for_backward(x, gamma, mu, var)
        ctx.axes = axes
        ctx.eps = eps
        ctx.shifts = beta is not None

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad_y: Tensor, _grad_mu: Tensor, _grad_var: Tensor
    ) -> tuple[Tensor, Tensor | None, Tensor | None, None, None]:
        """The equations after Algorithm 1 in Section 3, line by line."""
        x, gamma, mu, var = ctx.saved_tensors
        axes = ctx.axes
        m = x.numel() // mu.numel()
        centred = x - mu
        inverse_std = torch.rsqrt(var + ctx.eps)
        grad_xhat = grad_y if gamma is None else grad_y * gamma
        grad_var = (grad_xhat * centred).sum(axes, keepdim=True) * (-0.5) * inverse_std**3
        grad_mu = (
            -(grad_xhat * inverse_std).sum(axes, keepdim=True)
            + grad_var * (-2 * centred).sum(axes, keepdim=True) / m
        )
        grad_x = grad_xhat * inverse_std + grad_var * 2 * centred / m + grad_mu / m
        grad_beta = grad_y.sum(axes, keepdim=True) if ctx.shifts else None
        if gamma is None:
            return grad_x, None, grad_beta, None, None
        grad_gamma = (grad_y * centred * inverse_std).sum(axes, keepdim=True)
        return grad_x, grad_gamma, grad_beta, None, None


def scale_and_shift(y: Tensor, gamma: Tensor | None, beta: Tensor | None) -> Tensor:
    """Scale by gamma and shift by beta; None: not at all."""
    if gamma is not None:
        y = gamma * y
    return y if beta is None else y + beta


class BatchNorm(nn.Module):
    """Batch normalization (Ioffe & Szegedy 2015, Algorithm 1; Section 3.2 for convolutions).

    In training mode each feature is normalized by the mean and the biased variance of the
    mini-batch, and moving averages of the mean and the *unbiased* variance are kept, as torch does.
    In evaluation mode the moving averages (or whatever `estimate_population_statistics` has put in
    their place) normalize. Constructor arguments, modes and state_dict keys are those of
    ``torch.nn.BatchNorm1d`` and ``BatchNorm2d``, so weights move between them.

    Args:
        num_features: C for inputs (N, C) and (N, C, H, W): one gamma and beta per feature, or per
            feature map, whose statistics then cover the batch and all positions. A shape
            (C, H, W) for (N, C, H, W) normalizes each activation by itself over the batch alone
            ("per-activation", Section 4.2.3).
        eps: added to the variance.
        momentum: weight of the newest batch in the moving averages; None: cumulative mean.
        affine: learn the scale gamma and the shift beta.
        track_running_stats: keep moving averages; without them evaluation uses batch statistics.
        device: of parameters and averages.
        dtype: likewise.
        bias: learn the shift beta; only with ``affine`` (torch has it since 2.15).

    Raises:
        ValueError: batch statistics of fewer than two values per feature (the variance of one value
            is nothing to normalize by), or an input of another shape.
    """

    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int | tuple[int, int, int],
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        shape = (num_features,) if isinstance(num_features, int) else num_features
        self.register_parameter("weight", None)
        self.register_parameter("bias", None)
        if affine:
            self.weight = nn.Parameter(torch.ones(shape, device=device, dtype=dtype))
        if affine and bias:
            self.bias = nn.Parameter(torch.zeros(shape, device=device, dtype=dtype))
        tracked = track_running_stats
        self.register_buffer(
            "running_mean", torch.zeros(shape, device=device, dtype=dtype) if tracked else None
        )
        self.register_buffer(
            "running_var", torch.ones(shape, device=device, dtype=dtype) if tracked else None
        )
        self.register_buffer(
            "num_batches_tracked",
            torch.tensor(0, dtype=torch.long, device=device) if tracked else None,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Normalize, scale and shift.

        Args:
            x: (N, C) or (N, C, H, W).

        Returns:
            The same shape and dtype.
        """
        axes, broadcast = self._layout(x)
        # As torch: statistics of half-precision inputs are computed in single precision.
        wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        gamma = None if self.weight is None else self.weight.view(broadcast).to(wide.dtype)
        beta = None if self.bias is None else self.bias.view(broadcast).to(wide.dtype)
        y: Tensor
        if self.training or self.running_mean is None or self.running_var is None:
            m = x.numel() // broadcast.numel()
            if m < 2:
                raise ValueError(
                    "batch statistics need more than 1 value per feature, got an input of shape "
                    f"{tuple(x.shape)}; use a larger mini-batch"
                )
            y, mu, var = self._normalize(wide, gamma, beta, axes)
            if self.training:
                self._track(mu, var)
        else:
            mean = self.running_mean.view(broadcast)
            y = (wide - mean) * torch.rsqrt(self.running_var.view(broadcast) + self.eps)
            y = scale_and_shift(y, gamma, beta)
        return y.to(x.dtype)

    def _layout(self, x: Tensor) -> tuple[tuple[int, ...], torch.Size]:
        """The axes that statistics run over, and the shape that features broadcast from."""
        count = self.num_features
        per_activation = not isinstance(count, int)
        features = (count,) if isinstance(count, int) else count
        if x.dim() not in (2, 4) or tuple(x.shape[1 : 1 + len(features)]) != features:
            expected = "(N, C, H, W)" if per_activation else "(N, C) or (N, C, H, W)"
            raise ValueError(f"expected {expected} with features {features}, got {tuple(x.shape)}")
        if per_activation:
            return (0,), torch.Size((1, *features))
        if x.dim() == 2:
            return (0,), torch.Size((1, *features))
        return (0, 2, 3), torch.Size((1, *features, 1, 1))

    def _normalize(
        self, x: Tensor, gamma: Tensor | None, beta: Tensor | None, axes: tuple[int, ...]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """By the mini-batch's own statistics: y, its mean, and its unbiased variance."""
        y, mu, var = _BatchNormFunction.apply(x, gamma, beta, axes, self.eps)
        m = x.numel() // mu.numel()
        return y, mu, var * (m / (m - 1))

    @torch.no_grad()
    def _track(self, mu: Tensor, var: Tensor) -> None:
        """Move the averages towards this batch's mean and unbiased variance."""
        if self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        for average, new in ((self.running_mean, mu), (self.running_var, var)):
            change = new.view_as(average).to(average.dtype) - average
            if self.momentum is None:
                average.add_(change / self.num_batches_tracked)
            else:
                average.add_(change * self.momentum)

    def extra_repr(self) -> str:
        """What ``print(model)`` shows."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, track_running_stats={self.track_running_stats}"
        )
