from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from bnrepro.nn import (
    Activated,
    Cnn,
    ConvNet,
    Initialization,
    Mlp,
    Normalization,
    batch_norm,
    batch_norm_reference,
    group_norm,
    layer_norm,
    no_norm,
)

NORMS: dict[str, Callable[[], Normalization]] = {
    "none": no_norm,
    "batch": batch_norm,
    "batch_reference": batch_norm_reference,
    "layer": layer_norm,
    "group": lambda: group_norm(4),
}


def _mlp(norm: Normalization, std: float = 0.07, seed: int = 0) -> Mlp:
    generator = torch.Generator().manual_seed(seed)
    return Mlp(784, (100, 100, 100), 10, "sigmoid", norm, std, generator)


def _cnn(norm: Normalization) -> Cnn:
    return Cnn((1, 28, 28), 32, 64, 10, "relu", norm, 0.05, torch.Generator().manual_seed(0))


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("make", [_mlp, _cnn])
def test_every_network_trains_with_every_norm(
    make: Callable[[Normalization], nn.Module], norm: str
) -> None:
    model = make(NORMS[norm]())
    logits = model(torch.randn(6, 1, 28, 28))
    assert logits.shape == (6, 10)
    gradients = torch.autograd.grad(logits.square().sum(), list(model.parameters()))
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_convnet_halves_the_picture_where_the_maps_change_and_averages_over_what_is_left() -> None:
    init = Initialization("he")
    model = ConvNet(3, (4, 4, 8, 8), 10, "relu", batch_norm(), init, torch.Generator())
    maps: list[Tensor] = []
    for layer in model.convs:
        layer.register_forward_hook(lambda _module, _inputs, output: maps.append(output))
    logits = model(torch.randn(2, 3, 9, 12))
    assert [tuple(x.shape[1:]) for x in maps] == [(4, 9, 12), (4, 9, 12), (8, 5, 6), (8, 5, 6)]
    assert_close(logits, model.output(maps[-1].flatten(2).mean(2)))


def test_weights_without_a_deviation_start_by_the_layers_width() -> None:
    for activation, variance in (("relu", 2 / 784), ("sigmoid", 2 / (784 + 100))):
        model = Mlp(784, (100,), 10, activation, no_norm(), None, torch.Generator())
        weights = model.hidden[0].linear.weight
        assert weights.var().item() == pytest.approx(variance, rel=0.03)


def test_shift_takes_the_place_of_the_bias() -> None:
    for name, make in NORMS.items():
        for layer in _mlp(make()).hidden:
            assert (layer.linear.bias is None) == (name != "none")


def test_paper_network_has_its_parameters() -> None:
    plain = 784 * 100 + 100 + 2 * (100 * 100 + 100) + 100 * 10 + 10
    assert sum(p.numel() for p in _mlp(no_norm()).parameters()) == plain
    # Each bias gives way to a beta, and a gamma comes in.
    assert sum(p.numel() for p in _mlp(batch_norm()).parameters()) == plain + 300


def test_weights_start_gaussian_and_from_the_seed_alone() -> None:
    model = _mlp(no_norm())
    weights = torch.cat([m.weight.flatten() for m in model.modules() if isinstance(m, nn.Linear)])
    assert weights.std().item() == pytest.approx(0.07, rel=0.01)
    assert weights.mean().item() == pytest.approx(0, abs=0.001)
    assert torch.equal(model.output.weight, _mlp(no_norm()).output.weight)
    assert not torch.equal(model.output.weight, _mlp(no_norm(), seed=1).output.weight)


def test_weights_move_between_the_two_batch_norms() -> None:
    x = torch.randn(6, 1, 28, 28)
    for make in (_mlp, _cnn):
        fused, reference = make(batch_norm()), make(batch_norm_reference())
        for _ in range(3):
            fused(x)
        reference.load_state_dict(fused.state_dict())
        assert_close(reference.eval()(x), fused.eval()(x))


def test_normalization_stands_right_before_the_nonlinearity() -> None:
    model = _mlp(batch_norm())
    seen: list[Tensor] = []
    layers = [layer for layer in model.modules() if isinstance(layer, Activated)]
    for layer in layers:
        layer.activation.register_forward_pre_hook(lambda _m, inputs: seen.append(inputs[0]))
    model(torch.randn(500, 1, 28, 28))
    assert len(seen) == len(layers) == 3
    for inputs in seen:
        assert_close(inputs.mean(0), torch.zeros(100), atol=1e-4, rtol=0)
        assert_close(inputs.std(0, correction=0), torch.ones(100), atol=1e-2, rtol=0)


def test_layer_norm_is_torchs() -> None:
    x = torch.randn(6, 100)
    assert_close(layer_norm().features(100)(x), nn.LayerNorm(100)(x))
