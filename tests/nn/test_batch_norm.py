import inspect

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.autograd import gradcheck
from torch.testing import assert_close
from torchvision.models import resnet18

from bnrepro.nn import BatchNorm, fold_batch_norm

TOLERANCE = {
    torch.float32: {"rtol": 1e-4, "atol": 1e-5},
    torch.float64: {"rtol": 1e-10, "atol": 1e-12},
    # Both compute in single precision; one rounding to 8 bits apart.
    torch.bfloat16: {"rtol": 2e-2, "atol": 4e-2},
}


def _twin(shape: tuple[int, ...], **arguments: object) -> tuple[BatchNorm, nn.Module]:
    kind = nn.BatchNorm1d if len(shape) == 2 else nn.BatchNorm2d
    theirs = kind(shape[1], **arguments)
    ours = BatchNorm(shape[1], **arguments)
    if theirs.affine:
        nn.init.normal_(theirs.weight, 1, 0.5)
        nn.init.normal_(theirs.bias, 0, 0.5)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def _forward_and_backward(layer: nn.Module, x: Tensor, grad: Tensor) -> list[Tensor]:
    x = x.clone().requires_grad_()
    y = layer(x)
    y.backward(grad)
    assert x.grad is not None
    return [y.detach(), x.grad, *(p.grad for p in layer.parameters() if p.grad is not None)]


def test_constructor_is_torchs() -> None:
    ours = inspect.signature(BatchNorm).parameters
    for name, theirs in inspect.signature(nn.BatchNorm2d).parameters.items():
        assert (ours[name].kind, ours[name].default) == (theirs.kind, theirs.default), name


@pytest.mark.skipif(
    "bias" not in inspect.signature(nn.BatchNorm2d).parameters, reason="torch < 2.15"
)
@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 2, 2)])
def test_scale_without_shift_equals_torch(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    kind = nn.BatchNorm1d if len(shape) == 2 else nn.BatchNorm2d
    theirs, ours = kind(3, bias=False), BatchNorm(3, bias=False)
    nn.init.normal_(theirs.weight)
    ours.load_state_dict(theirs.state_dict())
    assert ours.bias is None
    x, grad = torch.randn(shape), torch.randn(shape)
    values = [_forward_and_backward(layer, x, grad) for layer in (ours, theirs)]
    for mine, reference in zip(*values, strict=True):
        assert_close(mine, reference, **TOLERANCE[torch.float32])
    ours.eval()
    theirs.eval()
    assert_close(ours(x), theirs(x), **TOLERANCE[torch.float32])
    assert_close(fold_batch_norm(ours)(x), theirs(x), **TOLERANCE[torch.float32])


@given(
    shape=st.one_of(
        st.tuples(st.integers(2, 9), st.integers(1, 5)),
        st.tuples(*[st.integers(2, 4), st.integers(1, 3), st.integers(1, 4), st.integers(1, 4)]),
    ),
    eps=st.sampled_from([1e-5, 1e-3, 0.1]),
    momentum=st.sampled_from([0.1, 1.0, 0.01, None]),
    affine=st.booleans(),
    track=st.booleans(),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_equals_torch_forward_backward_statistics_and_evaluation(
    shape: tuple[int, ...],
    eps: float,
    momentum: float | None,
    affine: bool,
    track: bool,
    dtype: torch.dtype,
    seed: int,
) -> None:
    torch.manual_seed(seed)
    arguments = {"eps": eps, "momentum": momentum, "affine": affine, "track_running_stats": track}
    ours, theirs = _twin(shape, **arguments, dtype=dtype)
    # A spread of 1 at the least, so that 1 / sqrt(var) does not blow rounding up.
    base = torch.linspace(-2, 2, shape[0]).view(-1, *[1] * (len(shape) - 1))
    for _ in range(3):
        x = (base + 0.5 * torch.randn(shape) + 1).to(dtype)
        grad = torch.randn(shape).to(dtype)
        for mine, reference in zip(
            _forward_and_backward(ours, x, grad),
            _forward_and_backward(theirs, x, grad),
            strict=True,
        ):
            assert mine.dtype == reference.dtype
            assert_close(mine, reference, **TOLERANCE[dtype])
    for name, reference in theirs.state_dict().items():
        assert_close(ours.state_dict()[name], reference, **TOLERANCE[dtype])
    ours.eval()
    theirs.eval()
    assert_close(ours(x), theirs(x), **TOLERANCE[dtype])


def test_state_dict_keys_are_torchs() -> None:
    assert list(BatchNorm(3).state_dict()) == list(nn.BatchNorm1d(3).state_dict())


@pytest.mark.parametrize("shape", [(5, 3), (4, 2, 3, 2)])
@pytest.mark.parametrize("affine", [True, False])
def test_gradient_is_the_derivative(shape: tuple[int, ...], affine: bool) -> None:
    torch.manual_seed(0)
    layer = BatchNorm(shape[1], affine=affine, dtype=torch.float64)
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    parameters = {name: p.detach().clone().requires_grad_() for name, p in layer.named_parameters()}

    def function(x: Tensor, *values: Tensor) -> Tensor:
        named = dict(zip(parameters, values, strict=True))
        return torch.func.functional_call(layer, named, (x,))

    assert gradcheck(function, (x, *parameters.values()))


def test_gradient_of_per_activation_mode_is_the_derivative() -> None:
    torch.manual_seed(0)
    layer = BatchNorm((2, 3, 2), dtype=torch.float64)
    x = torch.randn(4, 2, 3, 2, dtype=torch.float64, requires_grad=True)
    assert gradcheck(layer, (x,))


def test_per_activation_mode_is_the_fully_connected_one_on_flat_inputs() -> None:
    torch.manual_seed(0)
    x = torch.randn(6, 2, 3, 4)
    per_activation, flat = BatchNorm((2, 3, 4)), nn.BatchNorm1d(24)
    for _ in range(2):
        assert_close(per_activation(x).flatten(1), flat(x.flatten(1)))
    assert_close(per_activation.eval()(x).flatten(1), flat.eval()(x.flatten(1)))


def test_scaling_the_weights_changes_nothing_but_their_gradient() -> None:
    """Section 3.3: BN((aW)u) = BN(Wu), the gradient to u the same, to W 1/a times. eps = 0."""
    torch.manual_seed(0)
    u = torch.randn(8, 5, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(3, 5, dtype=torch.float64)
    target = torch.randn(8, 3, dtype=torch.float64)
    layer = BatchNorm(3, eps=1e-300, dtype=torch.float64)
    a = 7.0
    outputs = []
    for scaled in (weights, a * weights):
        w = scaled.clone().requires_grad_()
        y = layer(u @ w.T)
        grad_u, grad_w = torch.autograd.grad((y * target).sum(), (u, w))
        outputs.append((y, grad_u, grad_w))
    (y, grad_u, grad_w), (scaled_y, scaled_grad_u, scaled_grad_w) = outputs
    assert_close(scaled_y, y)
    assert_close(scaled_grad_u, grad_u)
    assert_close(scaled_grad_w, grad_w / a)


def test_one_value_per_feature_is_refused_in_training_and_fine_in_evaluation() -> None:
    layer = BatchNorm(3)
    with pytest.raises(ValueError, match="more than 1 value per feature"):
        layer(torch.randn(1, 3))
    assert layer.eval()(torch.randn(1, 3)).shape == (1, 3)
    with pytest.raises(ValueError, match="more than 1 value per feature"):
        BatchNorm(3, track_running_stats=False).eval()(torch.randn(1, 3))
    assert BatchNorm(3)(torch.randn(1, 3, 2, 2)).shape == (1, 3, 2, 2)


@pytest.mark.parametrize("shape", [(4, 2), (4, 3, 2), (4,), (4, 2, 3, 3)])
def test_inputs_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected"):
        BatchNorm(3)(torch.randn(shape))


def test_compiles_into_one_program() -> None:
    torch.manual_seed(0)
    x = torch.randn(8, 3)
    layer = BatchNorm(3)
    expected = layer(x)
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    assert_close(compiled(x), expected)


def test_torchvisions_network_computes_the_same_with_it() -> None:
    networks = []
    for norm_layer in (nn.BatchNorm2d, BatchNorm):
        torch.manual_seed(0)
        networks.append(resnet18(num_classes=3, norm_layer=norm_layer).double())
    theirs, ours = networks
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    x = torch.randn(4, 3, 32, 32, dtype=torch.float64)
    for network in networks:
        network(x).square().sum().backward()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert_close(one.grad, other.grad)
    for network in networks:
        network.eval()
    assert_close(ours(x), theirs(x))
