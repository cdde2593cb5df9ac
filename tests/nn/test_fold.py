"""The folded network is the network in evaluation mode, at every activation."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm as TorchBatchNorm
from torch.testing import assert_close

from bnrepro.nn import (
    Activated,
    Affine,
    BatchNorm,
    Cnn,
    Inception,
    Initialization,
    Mlp,
    Normalization,
    batch_norm,
    batch_norm_reference,
    fold_batch_norm,
    group_norm,
    no_norm,
)
from bnrepro.nn.pointwise import PointwiseConv2d

NORMS = [batch_norm, batch_norm_reference]


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def _mlp(norm: Normalization, activation: str = "relu") -> Mlp:
    return Mlp(64, (20, 20, 20), 10, activation, norm, 0.2, _generator())


def _cnn(norm: Normalization, activation: str = "relu") -> Cnn:
    return Cnn((1, 8, 8), 12, 20, 10, activation, norm, 0.2, _generator())


def _inception(norm: Normalization, activation: str = "relu", **options: object) -> Inception:
    start = Initialization("he")
    whole = {"image_size": 40, "width": 0.125, **options}
    return Inception(5, activation, norm, start, _generator(), **whole)


@torch.no_grad()
def _trained(model: nn.Module) -> nn.Module:
    """The model with statistics, scales and shifts as if it had been trained."""
    torch.manual_seed(1)
    for module in model.modules():
        if isinstance(module, BatchNorm | TorchBatchNorm):
            if module.running_mean is not None:
                module.running_mean.normal_()
                module.running_var.uniform_(0.3, 3)
            if module.weight is not None:
                module.weight.normal_()
                module.bias.normal_()
    return model


@torch.no_grad()
def _outputs(model: nn.Module, x: Tensor) -> dict[str, Tensor]:
    """What each activated layer puts out, and the network."""
    seen: dict[str, Tensor] = {}
    hooks = [
        module.register_forward_hook(lambda _m, _i, y, n=name: seen.__setitem__(n, y.clone()))
        for name, module in model.named_modules()
        if isinstance(module, Activated)
    ]
    seen["output"] = model(x)
    for hook in hooks:
        hook.remove()
    return seen


def _batch_norms(model: nn.Module) -> int:
    return sum(isinstance(m, BatchNorm | TorchBatchNorm) for m in model.modules())


def _affines(model: nn.Module) -> int:
    return sum(isinstance(m, Affine) for m in model.modules())


def _assert_same_function(model: nn.Module, x: Tensor) -> nn.Module:
    """Fold the model, compare, and give the folded one."""
    model = _trained(model)
    folded = fold_batch_norm(model)
    assert not _batch_norms(folded)
    assert not any(module.training for module in folded.modules())
    given = x.clone()
    expected, got = _outputs(model.eval(), x), _outputs(folded, x)
    assert torch.equal(x, given)
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        size = max(1.0, value.abs().max().item())
        assert_close(got[name], value, rtol=0, atol=1e-5 * size, msg=lambda m, n=name: f"{n}: {m}")
    return folded


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("make", [_mlp, _cnn])
def test_small_networks_are_the_same_at_every_activation(make, norm, activation: str) -> None:
    folded = _assert_same_function(make(norm(), activation), torch.randn(6, 1, 8, 8))
    assert not _affines(folded)


@pytest.mark.parametrize(
    "memory_format", [torch.contiguous_format, torch.channels_last], ids=["first", "last"]
)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"activation": "sigmoid"},
        {"separable_stem": False},
        {"lrn": True, "dropout": 0.4},
        {"per_activation_modules": 2},
        {"per_activation_modules": 2, "activation": "sigmoid", "separable_stem": False},
        {"aux_head": True, "sums": "printed"},
    ],
)
def test_inception_is_the_same_at_every_activation(options, norm, memory_format) -> None:
    model = _inception(norm(), **options).to(memory_format=memory_format)
    x = torch.randn(3, 3, 40, 40).to(memory_format=memory_format)
    folded = _assert_same_function(model, x)
    for name, y in _outputs(folded, x).items():
        assert name == "output" or y.is_contiguous(memory_format=memory_format), name
    per_activation = sum(not isinstance(m.num_features, int) for m in _norms(model))
    assert _affines(folded) == per_activation


def _norms(model: nn.Module) -> list[BatchNorm | TorchBatchNorm]:
    return [m for m in model.modules() if isinstance(m, BatchNorm | TorchBatchNorm)]


def test_siblings_share_one_pointwise_convolution_and_the_rest_stay_what_they_are() -> None:
    folded = fold_batch_norm(_inception(batch_norm(), width=1.0))
    widths = {name: row.joined.out_channels for name, row in folded.rows.items()}
    assert widths["3a"] == 64 + 64 + 64 + 32
    assert widths["3c"] == 128 + 64
    assert widths["5b"] == 352 + 192 + 192  # its projection stands behind a maximum
    assert isinstance(folded.rows["3a"].joined, PointwiseConv2d)
    assert isinstance(folded.rows["5b"].branches["pool"][1].linear, PointwiseConv2d)
    assert isinstance(folded.stem[2].linear, PointwiseConv2d)


@pytest.mark.parametrize("make", [_mlp, _cnn, _inception])
@pytest.mark.parametrize("norm", [no_norm, lambda: group_norm(1)])
def test_network_without_batch_norm_stays_what_it_is(make, norm) -> None:
    model = make(norm())
    folded = fold_batch_norm(model)
    assert str(folded) == str(model)
    assert not folded.training
    assert model.training
    assert _states_equal(folded, model)


def _states_equal(one: nn.Module, other: nn.Module) -> bool:
    mine, theirs = one.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[k], theirs[k]) for k in mine)


def test_the_given_network_is_untouched() -> None:
    model = _trained(_inception(batch_norm()))
    before = copy.deepcopy(model)
    folded = fold_batch_norm(model)
    with torch.no_grad():
        for tensor in folded.state_dict().values():
            tensor.zero_()
    assert str(model) == str(before)
    assert all(module.training for module in model.modules())
    assert _states_equal(model, before)


@pytest.mark.parametrize("per_activation_modules", [0, 2])
def test_weights_move_between_folded_networks(per_activation_modules: int) -> None:
    options = {"per_activation_modules": per_activation_modules}
    model = _trained(_inception(batch_norm_reference(), **options))
    folded, other = fold_batch_norm(model), fold_batch_norm(_inception(batch_norm(), **options))
    other.load_state_dict(folded.state_dict())
    x = torch.randn(2, 3, 40, 40)
    assert torch.equal(other(x), folded(x))


class _Unknown(nn.Module):
    """What its forward pass does with its children cannot be read from them."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.linear(x)) + self.linear(x)


def _used_twice() -> nn.Module:
    linear = nn.Linear(4, 4)
    return nn.Sequential(linear, nn.BatchNorm1d(4), nn.ReLU(), linear, BatchNorm(4))


def _tied() -> nn.Module:
    one, other = nn.Linear(4, 4), nn.Linear(4, 4)
    other.weight = one.weight
    return nn.Sequential(one, nn.BatchNorm1d(4), nn.ReLU(), other)


def _block_used_twice() -> nn.Module:
    block = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU())
    return nn.Sequential(block, block)


def _relu_used_twice() -> nn.Module:
    relu = nn.ReLU()
    return nn.Sequential(nn.Linear(4, 4), BatchNorm(4), relu, nn.Identity(), relu)


def _weight_normalized() -> nn.Module:
    linear = nn.utils.parametrizations.weight_norm(nn.Linear(4, 4))
    return nn.Sequential(linear, nn.BatchNorm1d(4))


def _with_hook() -> nn.Module:
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    model[0].register_forward_hook(lambda _m, _i, y: y.square())
    return model


def _with_hook_on_the_relu() -> nn.Module:
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU())
    model[2].register_forward_pre_hook(lambda _m, inputs: inputs[0] + 1)
    return model


@pytest.mark.parametrize(
    ("make", "affines"),
    [
        (lambda: nn.BatchNorm1d(4), 1),
        (lambda: nn.Sequential(nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2)), 1),
        (lambda: nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.BatchNorm1d(4)), 1),
        (lambda: nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.BatchNorm1d(4)), 1),
        (lambda: nn.Sequential(nn.Sequential(nn.Linear(4, 4)), BatchNorm(4)), 0),
        (_Unknown, 1),
        (_used_twice, 2),
        (_tied, 0),
        (_block_used_twice, 0),
        (_relu_used_twice, 0),
        (_weight_normalized, 1),
        (_with_hook, 1),
        (_with_hook_on_the_relu, 0),
    ],
)
def test_what_cannot_be_merged_becomes_an_explicit_map(make, affines: int) -> None:
    assert _affines(_assert_same_function(make(), torch.randn(5, 4))) == affines


def test_features_that_are_not_the_outputs_of_the_linear_map_are_left_to_an_explicit_map() -> None:
    """BatchNorm1d takes the second of three axes, a linear map the last."""
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(7))
    assert _affines(_assert_same_function(model, torch.randn(5, 7, 4))) == 1


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    groups=st.integers(1, 3),
    size=st.sampled_from([1, 3]),
    stride=st.integers(1, 2),
    convolution=st.booleans(),
    bias=st.booleans(),
    affine=st.booleans(),
    ours=st.booleans(),
)
def test_linear_map_with_batch_norm_is_one_linear_map(
    seed: int,
    groups: int,
    size: int,
    stride: int,
    convolution: bool,
    bias: bool,
    affine: bool,
    ours: bool,
) -> None:
    torch.manual_seed(seed)
    linear: nn.Module
    if convolution:
        linear = nn.Conv2d(2 * groups, 3 * groups, size, stride, 1, groups=groups, bias=bias)
        x, kind = torch.randn(2, 2 * groups, 5, 4), nn.BatchNorm2d
    else:
        linear = nn.Linear(2 * groups, 3 * groups, bias=bias)
        x, kind = torch.randn(3, 2 * groups), nn.BatchNorm1d
    norm = (BatchNorm if ours else kind)(3 * groups, affine=affine, eps=1e-3)
    assert not _affines(_assert_same_function(nn.Sequential(linear, norm), x))


@pytest.mark.parametrize("kind", [BatchNorm, nn.BatchNorm1d])
def test_layer_without_running_statistics_is_refused(kind: type[nn.Module]) -> None:
    norm = kind(3, track_running_stats=False)
    with pytest.raises(ValueError, match=r"^0\.1: track_running_stats=False"):
        fold_batch_norm(nn.Sequential(nn.Sequential(nn.Linear(3, 3), norm)))
