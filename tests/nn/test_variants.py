"""Batch normalization's relatives: their limits, and what each changes."""

import copy
import inspect
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from bnrepro.nn import (
    BatchNorm,
    Mlp,
    Normalization,
    batch_norm,
    batch_norm_ghost,
    batch_norm_mean_only,
    batch_norm_noisy,
    batch_norm_reference,
    batch_renorm,
    estimate_population_statistics,
    fold_batch_norm,
    instance_norm,
    norms,
    whitening,
)
from bnrepro.nn.batch_renorm import BatchRenorm
from bnrepro.nn.batch_variants import DetachedBatchNorm, GhostBatchNorm, ShiftingNoise
from bnrepro.nn.mean_only import MeanOnlyBatchNorm
from bnrepro.nn.whitening import Whitening

SHAPES = [(12, 5), (12, 5, 3, 3)]


@pytest.mark.parametrize("shape", SHAPES)
def test_one_group_of_all_is_batch_normalization(shape: tuple[int, ...]) -> None:
    x = 2 + 3 * torch.randn(shape, dtype=torch.float64)
    ghost, whole = GhostBatchNorm(5, examples=12).double(), BatchNorm(5).double()
    assert_close(ghost(x), whole(x))
    assert_close(ghost.state_dict(), whole.state_dict())
    assert_close(ghost.eval()(x), whole.eval()(x))


@pytest.mark.parametrize("shape", SHAPES)
def test_each_group_is_normalized_by_itself(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape)
    ghost = GhostBatchNorm(5, examples=4)
    parts = [BatchNorm(5)(part) for part in x.split(4)]
    assert_close(ghost(x), torch.cat(parts))
    small = torch.randn(6, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(GhostBatchNorm(2, examples=3).double(), small)
    with pytest.raises(ValueError, match="groups of 4 do not divide a mini-batch of 6"):
        ghost(x[:6])


def test_gradient_of_detached_statistics_is_that_of_constants() -> None:
    x = torch.randn(9, 4, requires_grad=True)
    layer, whole = DetachedBatchNorm(4), nn.BatchNorm1d(4)
    y = layer(x)
    assert_close(y, whole(x))
    assert_close(dict(layer.state_dict()), dict(whole.state_dict()))
    upstream = torch.randn(9, 4)
    (gradient,) = torch.autograd.grad(y, x, upstream)
    var = x.detach().var(0, correction=0)
    assert_close(gradient, upstream / (var + 1e-5).sqrt())


@pytest.mark.parametrize("shape", SHAPES)
def test_mean_only_takes_the_mean_and_leaves_the_variance(shape: tuple[int, ...]) -> None:
    x = 2 + 3 * torch.randn(shape)
    layer = MeanOnlyBatchNorm(5)
    axes = [0, *range(2, x.dim())]
    assert_close(layer(x), x - x.mean(axes, keepdim=True))
    estimate_population_statistics(layer, [x, x + 2])
    assert_close(layer.running_mean, x.mean(axes) + 1)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "kind",
    [
        DetachedBatchNorm,
        partial(GhostBatchNorm, examples=4),
        BatchRenorm,
        MeanOnlyBatchNorm,
        Whitening,
    ],
)
def test_scale_and_shift_come_last(
    kind: Callable[[int], nn.Module], shape: tuple[int, ...]
) -> None:
    layer, x = kind(5), torch.randn(shape)
    plain = copy.deepcopy(layer)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    per_feature = (1, 5, *[1] * (x.dim() - 2))
    gamma = getattr(layer, "weight", torch.ones(5)).view(per_feature)
    for training in (True, False):
        expected = gamma * plain.train(training)(x) + layer.bias.view(per_feature)
        assert_close(layer.train(training)(x), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_renormalization_is_batch_normalization_at_first(shape: tuple[int, ...]) -> None:
    x = 2 + 3 * torch.randn(shape)
    assert_close(BatchRenorm(5)(x), BatchNorm(5)(x))


def test_renormalization_in_the_end_is_what_inference_does() -> None:
    layer = BatchRenorm(5, plain_steps=0, rise_steps=1, r_max=100, d_max=100)
    for _ in range(3):
        layer(1 + 2 * torch.randn(12, 5))
    x = 1 + 2 * torch.randn(12, 5)
    inference = copy.deepcopy(layer).eval()(x)
    assert_close(layer(x), inference)


def test_no_gradient_goes_through_the_correction() -> None:
    layer = BatchRenorm(5, plain_steps=0, rise_steps=1).double()
    layer(torch.randn(12, 5, dtype=torch.float64))
    x = torch.randn(12, 5, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(layer(x).square().sum(), x)
    assert_close(gradient.sum(0), torch.zeros(5, dtype=torch.float64), atol=1e-9, rtol=0)


def test_noise_has_another_mean_and_scale_at_every_step_and_none_at_inference() -> None:
    noise = ShiftingNoise()
    x = torch.randn(5000, 3)
    first, second = noise(x), noise(x)
    for y in (first, second):
        assert (y.mean(0).abs() < 0.55).all()
        assert ((y - y.mean(0)).std(0) > 0.95).all()
    assert ((first.mean(0) - second.mean(0)).abs() > 1e-3).any()
    assert noise.eval()(x) is x


def test_defaults_are_torchs() -> None:
    torchs = inspect.signature(nn.BatchNorm2d).parameters
    factories = [make for _, make in inspect.getmembers(norms, inspect.isfunction)]
    defaults = [
        (name, parameter.default)
        for make in factories
        for name, parameter in inspect.signature(make).parameters.items()
        if name in ("eps", "momentum") and parameter.default is not inspect.Parameter.empty
    ]
    assert len(defaults) >= 20
    assert {*defaults} == {(name, torchs[name].default) for name in ("eps", "momentum")}


def test_evaluation_draws_no_noise() -> None:
    """A run's draws must not depend on how often it is evaluated."""
    model = nn.Sequential(nn.Linear(3, 4), batch_norm_noisy().features(4))
    before = torch.get_rng_state()
    estimate_population_statistics(model, [torch.ones(4, 3), torch.zeros(4, 3)])
    assert torch.equal(torch.get_rng_state(), before)


def test_instance_normalization_is_torchs_and_has_no_form_for_features() -> None:
    x = torch.randn(2, 5, 4, 4)
    assert_close(instance_norm().maps(5)(x), nn.GroupNorm(5, 5)(x))
    with pytest.raises(ValueError, match="its own mean"):
        instance_norm().features(5)


@pytest.mark.parametrize("make", [batch_norm, batch_norm_reference])
@pytest.mark.parametrize(("gamma", "beta"), [(True, False), (False, True), (False, False)])
def test_gamma_and_beta_can_be_left_out(make, gamma: bool, beta: bool) -> None:  # type: ignore[no-untyped-def]
    layer = make(gamma=gamma, beta=beta).features(4)
    assert {name for name, _ in layer.named_parameters()} == {
        name for name, there in (("weight", gamma), ("bias", beta)) if there
    }
    x = torch.randn(6, 4, requires_grad=True)
    upstream = torch.randn(6, 4)
    whole = nn.BatchNorm1d(4)
    assert_close(layer(x), whole(x))
    given = dict(layer.named_parameters())
    known = torch.autograd.grad(whole(x), [x, *(whole.get_parameter(n) for n in given)], upstream)
    assert_close(torch.autograd.grad(layer(x), [x, *given.values()], upstream), known)


def _mlp(norm: Normalization, **options: object) -> Mlp:
    generator = torch.Generator().manual_seed(0)
    return Mlp(16, (8, 8), 3, "relu", norm, 0.3, generator, **options)  # type: ignore[arg-type]


def test_behind_the_nonlinearity_layers_keep_their_bias() -> None:
    model = _mlp(batch_norm().placed("after", None))
    assert all(layer.linear.bias is not None for layer in model.hidden)
    seen = []
    model.output.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    model(torch.randn(40, 1, 4, 4))
    assert_close(seen[0].mean(0), torch.zeros(8), atol=1e-5, rtol=0)
    assert all(layer.linear.bias is None for layer in _mlp(batch_norm()).hidden)
    assert _mlp(batch_norm().placed("before", True)).hidden[0].linear.bias is not None


@pytest.mark.parametrize(
    "norm",
    [
        batch_norm().placed("after", None),
        batch_norm(gamma=False),
        batch_norm_ghost(4),
        batch_norm_noisy(),
        batch_norm_mean_only(),
        batch_renorm(),
        whitening(),
    ],
)
def test_folding_leaves_every_kind_what_it_computes(norm: Normalization) -> None:
    model = _mlp(norm)
    for _ in range(3):
        model(torch.randn(20, 1, 4, 4))
    x = torch.randn(5, 1, 4, 4)
    assert_close(fold_batch_norm(model)(x), model.eval()(x), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("place", "count"), [("before_norm", 2), ("after_activation", 2), ("last", 1)]
)
def test_dropout_stands_where_it_is_told(place: str, count: int) -> None:
    model = _mlp(batch_norm(), dropout=0.5, dropout_place=place)
    calls = []
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.register_forward_hook(lambda *_: calls.append(1))
    model(torch.randn(20, 1, 4, 4))
    assert len(calls) == count
    in_norm = isinstance(model.hidden[0].norm, nn.Sequential)
    assert in_norm == (place == "before_norm")
