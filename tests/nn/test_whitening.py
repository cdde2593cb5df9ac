import pytest
import torch
from torch.testing import assert_close

from bnrepro.nn import estimate_population_statistics
from bnrepro.nn.whitening import Whitening, _InverseRoot


def _white(m: int, width: int) -> torch.Tensor:
    """Rows whose covariance is the identity, to rounding."""
    x = torch.randn(m, width, dtype=torch.float64)
    q, _ = torch.linalg.qr(x - x.mean(0))
    return q * m**0.5


def test_its_output_is_white() -> None:
    x = torch.randn(200, 8, dtype=torch.float64) @ torch.randn(8, 8, dtype=torch.float64) + 3
    y = Whitening(8, eps=1e-12).double()(x)
    assert_close(y.mean(0), torch.zeros(8, dtype=torch.float64), atol=1e-9, rtol=0)
    assert_close(y.T @ y / 200, torch.eye(8, dtype=torch.float64), atol=1e-6, rtol=0)


def test_white_data_stay_as_they_are() -> None:
    x = _white(50, 6)
    assert_close(Whitening(6, eps=1e-12).double()(x), x)


def test_of_one_feature_it_is_batch_normalization() -> None:
    x = 3 + 2 * torch.randn(40, 1)
    assert_close(Whitening(1)(x), torch.nn.BatchNorm1d(1)(x))


def test_feature_maps_are_whitened_over_all_positions() -> None:
    x = torch.randn(4, 3, 5, 5)
    rows = x.permute(0, 2, 3, 1).reshape(-1, 3)
    expected = Whitening(3)(rows).view(4, 5, 5, 3).permute(0, 3, 1, 2)
    assert_close(Whitening(3)(x), expected)


@pytest.mark.parametrize("equal", [False, True])
def test_gradient_goes_through_the_decomposition(equal: bool) -> None:
    """Equal eigenvalues too: there the gradient of eigh itself is infinite."""
    x = _white(7, 3) if equal else torch.randn(7, 3, dtype=torch.float64)
    layer = Whitening(3, eps=0.1).double()
    assert torch.autograd.gradcheck(layer, x.requires_grad_())
    covariance = (torch.eye(3, dtype=torch.float64) * 2).requires_grad_()
    assert torch.autograd.gradcheck(lambda s: _InverseRoot.apply((s + s.T) / 2, 0.0), covariance)


def test_without_the_gradient_statistics_are_constants() -> None:
    x = torch.randn(30, 4, requires_grad=True)
    y = Whitening(4, gradient=False)(x)
    assert_close(y, Whitening(4)(x))
    (gradient,) = torch.autograd.grad(y.sum(), x)
    (known,) = torch.autograd.grad(Whitening(4)(x).sum(), x)
    assert gradient.abs().max() > 0.01
    assert_close(known, torch.zeros_like(x), atol=1e-5, rtol=0)


def test_inference_uses_estimates_over_the_training_data() -> None:
    torch.manual_seed(0)
    batches = list((torch.randn(20, 100, 3) @ torch.randn(3, 3) + 1).unbind())
    layer = Whitening(3)
    estimate_population_statistics(layer, batches)
    covariances = [torch.cov(batch.T) for batch in batches]
    assert_close(layer.running_covariance, torch.stack(covariances).mean(0))
    assert_close(layer.running_mean, torch.cat(batches).mean(0))
    assert layer.momentum == 0.1, "the network in training keeps its own"
    y = layer.eval()(torch.cat(batches))
    assert_close(torch.cov(y.T), torch.eye(3), atol=0.05, rtol=0)


def test_singular_covariance_is_refused() -> None:
    with pytest.raises(ValueError, match="got 4 of 4; use a larger mini-batch"):
        Whitening(4)(torch.randn(4, 4))


@pytest.mark.parametrize("is_training", [True, False])
def test_equal_features_of_any_scale_stay_finite(is_training: bool) -> None:
    """Rounding gives S + eps I eigenvalues below zero there; runs once diverged by it."""
    torch.manual_seed(0)
    layer = Whitening(6).train(is_training)
    for scale in (1.0, 1e2, 1e4):
        feature = scale * torch.randn(40, 1)
        x = torch.cat([feature.expand(-1, 3), scale * torch.randn(40, 3)], dim=1).requires_grad_()
        if not is_training:
            layer.running_covariance.copy_(torch.cov(x.detach().T))
        y = layer(x)
        assert y.isfinite().all()
        (gradient,) = torch.autograd.grad(y.sum(), x)
        assert gradient.isfinite().all()
