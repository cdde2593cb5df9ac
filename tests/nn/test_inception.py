import pytest
import torch
from torch import nn

from bnrepro.nn import (
    FIGURE_5,
    Activated,
    BatchNorm,
    Inception,
    Initialization,
    Normalization,
    batch_norm,
    batch_norm_reference,
    group_norm,
    layer_norm,
    no_norm,
)


def _network(norm: Normalization, **options: object) -> Inception:
    arguments = {
        "num_classes": 1000,
        "activation": "relu",
        "init": Initialization("xavier"),
        "generator": torch.Generator().manual_seed(0),
        **options,
    }
    return Inception(norm=norm, **arguments)


def _parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("norm", "separable", "count"),
    [
        (batch_norm, False, 11_285_224),
        (batch_norm, True, 11_278_528),
        (no_norm, False, 11_275_208),
        (no_norm, True, 11_268_512),
    ],
)
def test_parameter_counts_of_figure_5_read_literally(norm, separable: bool, count: int) -> None:
    assert _parameters(_network(norm(), separable_stem=separable)) == count


@pytest.fixture(scope="module")
def full_size() -> Inception:
    return _network(batch_norm()).eval()


@torch.no_grad()
def test_every_row_has_the_output_size_of_figure_5(full_size: Inception) -> None:
    shapes = {}
    for name, row in full_size.rows.items():
        row.register_forward_hook(
            lambda _m, _i, y, name=name: shapes.__setitem__(name, tuple(y.shape[1:]))
        )
    stem = []
    for layer in full_size.stem:
        layer.register_forward_hook(lambda _m, _i, y: stem.append(tuple(y.shape[1:])))
    assert full_size(torch.randn(1, 3, 224, 224)).shape == (1, 1000)
    assert stem == [(64, 112, 112), (64, 56, 56), (64, 56, 56), (192, 56, 56), (192, 28, 28)]
    assert shapes == {
        "3a": (256, 28, 28),
        "3b": (320, 28, 28),
        "3c": (576, 14, 14),
        "4a": (576, 14, 14),
        "4b": (576, 14, 14),
        "4c": (608, 14, 14),
        "4d": (608, 14, 14),
        "4e": (1056, 7, 7),
        "5a": (1024, 7, 7),
        "5b": (1024, 7, 7),
    }


@torch.no_grad()
def test_compute_is_that_of_the_paper(full_size: Inception) -> None:
    """Section 4.2 speaks of the cost of GoogLeNet's successor: about 2e9 multiply-adds."""
    counted = []

    def count(module: nn.Module, _inputs: object, y: torch.Tensor) -> None:
        counted.append(y[0].numel() * module.weight[0].numel())

    hooks = [
        module.register_forward_hook(count)
        for module in full_size.modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    ]
    full_size(torch.randn(1, 3, 224, 224))
    for hook in hooks:
        hook.remove()
    assert sum(counted) == pytest.approx(2.0e9, rel=0.1)


@torch.no_grad()
def test_printed_sums_come_out_with_narrower_projections() -> None:
    model = _network(no_norm(), sums="printed", width=0.25)
    sums = [round(row.out_channels * 4) for row in model.rows.values()]
    assert sums == [256, 320, 576, 576, 576, 576, 576, 1024, 1024, 1024]


@pytest.mark.parametrize("size", [32, 33, 56, 75, 320])
@torch.no_grad()
def test_sizes_from_32_to_320_work(size: int) -> None:
    model = _network(batch_norm(), width=0.125, image_size=size, per_activation_modules=2)
    assert model(torch.randn(2, 3, size, size)).shape == (2, 1000)


@pytest.mark.parametrize(
    "norm",
    [no_norm, batch_norm, batch_norm_reference, layer_norm, lambda: group_norm(2)],
)
@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_variants_run_forward_and_backward(norm, activation: str) -> None:
    model = _network(
        norm(),
        activation=activation,
        num_classes=5,
        width=0.125,
        lrn=True,
        dropout=0.4,
        aux_head=True,
        separable_stem=False,
    )
    outputs = model(torch.randn(4, 3, 64, 64))
    assert [y.shape for y in outputs] == [(4, 5)] * 3
    gradients = torch.autograd.grad(sum(y.sum() for y in outputs), list(model.parameters()))
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert model.eval()(torch.randn(4, 3, 64, 64)).shape == (4, 5)


def test_batch_norm_stands_behind_every_convolution_and_replaces_its_bias() -> None:
    model = _network(batch_norm())
    layers = [module for module in model.modules() if isinstance(module, Activated)]
    assert len(layers) == 3 + sum((row.one > 0) + 2 + 3 + (row.project > 0) for row in FIGURE_5)
    assert all(isinstance(layer.norm, nn.BatchNorm2d) for layer in layers)
    biased = [m for m in model.modules() if isinstance(m, nn.Conv2d) and m.bias is not None]
    assert not biased


def test_last_modules_can_normalize_per_activation() -> None:
    model = _network(batch_norm(), image_size=224, per_activation_modules=1)
    per_activation = {
        name.split(".")[1]
        for name, module in model.named_modules()
        if isinstance(module, BatchNorm)
    }
    assert per_activation == {"5b"}
    with pytest.raises(ValueError, match="only batch normalization"):
        _network(layer_norm(), per_activation_modules=1)


@pytest.mark.parametrize(("name", "expected"), [("xavier", "both"), ("he", "in")])
def test_weights_start_with_the_named_variance(name: str, expected: str) -> None:
    model = _network(no_norm(), init=Initialization(name))
    conv = model.rows["4d"].branches["three"][1].linear
    fan_in, fan_out = conv.weight[0].numel(), conv.weight[:, 0].numel()
    variance = 2 / (fan_in + fan_out) if expected == "both" else 2 / fan_in
    assert conv.weight.var().item() == pytest.approx(variance, rel=0.02)


def test_gain_scales_initial_convolutions_alone() -> None:
    plain = _network(no_norm()).state_dict()
    larger = _network(no_norm(), init=Initialization("xavier", conv_gain=2.0)).state_dict()
    for name, weight in plain.items():
        expected = weight if name.startswith("output") else 2 * weight
        torch.testing.assert_close(larger[name], expected)
