"""Measures on networks of which it is known what comes out."""

import math
from collections.abc import Callable

import pytest
import torch
from rich.console import Console
from torch import nn

from bnrepro.config import RunConfig
from bnrepro.runs import Row, tags
from bnrepro.training.evaluator import Evaluator
from bnrepro.training.measures import MEASURES
from bnrepro.training.measures.jacobian import layer_jacobian
from bnrepro.training.session import Session, build_session
from bnrepro.training.training_loss import TrainingLoss

SmallRun = Callable[..., RunConfig]


@pytest.fixture
def session(small_run: SmallRun) -> Callable[..., Session]:
    """Of a small run, with its initial weights."""

    def build(*overrides: str) -> Session:
        return build_session(small_run(*overrides), Console(quiet=True))

    return build


def _measure(name: str, session: Session, step: int = 0) -> Row:
    return MEASURES[name](Evaluator(session).subject(step)).row


def _layers(session: Session) -> list[nn.Module]:
    return [*session.model.hidden]


def test_gradient_norm_is_that_of_the_training_steps_gradient(session) -> None:
    one = session("model.hidden=[8,6]")
    row = _measure("gradient_norms", one, step=3)
    assert [*row] == [tags.gradient_norm(layer) for layer in ("hidden.0", "hidden.1", "output")]
    before = {name: p.detach().clone() for name, p in one.model.named_parameters()}
    images, labels = one.batches()(3)
    one.update(images, labels, torch.tensor(0.5))
    for layer, name in (("hidden.1", "hidden.1.linear.weight"), ("output", "output.weight")):
        moved = (before[name] - one.model.get_parameter(name).detach()).norm() / 0.5
        assert row[tags.gradient_norm(layer)] == pytest.approx(float(moved), rel=1e-4)


def test_effective_rate_is_the_rate_over_the_squared_norm(session) -> None:
    one = session("optim.lr=0.3")
    nn.init.constant_(one.model.output.weight, 0.1)  # (10, 100)
    row = _measure("weight_norms", one)
    assert row[tags.weight_norm("output")] == pytest.approx(0.1 * math.sqrt(1000))
    assert row[tags.effective_rate("output")] == pytest.approx(0.3 / 10)


def test_saturated_are_the_sigmoids_beyond_4_6(session) -> None:
    one = session("norm=none", "model.hidden=[4]")
    layer = one.model.hidden[0].linear
    nn.init.zeros_(layer.weight)
    with torch.no_grad():
        layer.bias.copy_(torch.tensor([0.0, 4.5, 4.7, -20.0]))
    assert _measure("saturation", one) == {tags.saturation("hidden.0"): 0.5}


def test_gradient_of_a_layer_with_nothing_below_does_not_shift(session) -> None:
    row = _measure("gradient_shift", session("model.hidden=[8]"))
    assert row[tags.gradient_shift("hidden.0", "norm")] == 0
    assert row[tags.gradient_shift("hidden.0", "cosine")] == pytest.approx(1)
    assert row[tags.gradient_shift("output", "norm")] > 0


def test_gradient_does_not_shift_where_the_layers_below_do_not_move(session) -> None:
    row = _measure("gradient_shift", session("optim.lr=0"))
    norms = [value for tag, value in row.items() if tag.endswith("/norm")]
    assert norms == [0] * 4


def test_shift_is_the_one_of_a_definition_written_out(session) -> None:
    one = session("norm=none", "model.hidden=[5]", "optim.lr=2")
    row = _measure("gradient_shift", one)
    images, labels = one.batches()(0)
    first = [one.model.hidden[0].linear.weight, one.model.hidden[0].linear.bias]

    def gradients(*of: nn.Parameter) -> tuple[torch.Tensor, ...]:
        logits = one.model(one.dataset.to_input(images))
        return torch.autograd.grad(nn.functional.cross_entropy(logits, labels), of)

    *below, before = gradients(*first, one.model.output.weight)
    with torch.no_grad():
        for parameter, gradient in zip(first, below, strict=True):
            parameter -= 2 * gradient
    [after] = gradients(one.model.output.weight)
    assert row[tags.gradient_shift("output", "norm")] == pytest.approx(
        float((before - after).norm()), rel=1e-3
    )


def test_smaller_steps_meet_less_and_smoothness_tends_to_the_curvature(session) -> None:
    """The distance of gradients over a way that tends to 0 does not depend on the way."""
    small, smaller = (_measure("landscape", session(f"optim.lr={lr}")) for lr in (1e-2, 5e-3))
    assert small["landscape/loss_low"] < small["landscape/loss_high"]
    for what in ("gradient_low", "gradient_high"):
        ratio = small[tags.landscape(what)] / smaller[tags.landscape(what)]
        assert ratio == pytest.approx(2, rel=0.05)
    # From half the rate to four times it.
    furthest = smaller["landscape/gradient_high"] / smaller["landscape/gradient_low"]
    assert furthest == pytest.approx(8, rel=0.1)
    assert small[tags.landscape("smoothness")] == pytest.approx(
        smaller[tags.landscape("smoothness")], rel=0.05
    )


def test_infinite_loss_along_a_step_is_no_divergence(session) -> None:
    row = _measure("landscape", session("norm=none", "model.activation=relu", "optim.lr=1e30"))
    assert all(math.isfinite(value) for value in row.values())
    assert tags.landscape("loss_high") not in row


def test_linear_network_has_the_singular_values_of_its_weights(session) -> None:
    """ReLU whose units are never off are linear."""
    one = session("norm=none", "model.activation=relu", "model.hidden=[6,6,6]")
    sizes = (3.0, 0.25)
    for i, size in enumerate((1.0, *sizes)):
        linear = _layers(one)[i].linear
        nn.init.orthogonal_(linear.weight, gain=size)
        nn.init.constant_(linear.bias, 1e3 ** (i + 1))
    row = _measure("jacobian", one)
    for i, size in enumerate(sizes, start=1):
        for what in ("p10", "p50", "p90"):
            assert row[tags.singular_values(f"hidden.{i}", what)] == pytest.approx(size, rel=1e-5)
    assert row[tags.singular_values(tags.END_TO_END, "p50")] == pytest.approx(0.75, rel=1e-5)
    assert row[tags.singular_values("hidden.1", "near_one")] == 0
    assert row[tags.singular_values(tags.END_TO_END, "near_one")] == 1


def test_units_that_are_off_pass_nothing_on(session) -> None:
    """Half of the units: singular values of exactly 0, not of rounding."""
    one = session("norm=none", "model.activation=relu", "model.hidden=[6,6]")
    below, layer = _layers(one)
    nn.init.orthogonal_(layer.linear.weight)
    nn.init.constant_(below.linear.bias, -1e3)
    with torch.no_grad():
        below.linear.bias[:3] = 1e3
    row = _measure("jacobian", one)
    assert row[tags.singular_values("hidden.1", "p10")] == 0
    assert row[tags.singular_values("hidden.1", "near_one")] == 0.5


def test_angle_of_a_small_shift_is_not_lost(session) -> None:
    row = _measure("gradient_shift", session("optim.lr=1e-4"))
    assert 0 < 1 - row[tags.gradient_shift("output", "cosine")] < 1e-6


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_jacobian_of_a_layer_is_autograds(session, norm: str) -> None:
    one = session(f"norm={norm}", "model.hidden=[5,7]")
    below, layer = (part.eval().double() for part in _layers(one))
    x = torch.randn(3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def forward(x: torch.Tensor) -> torch.Tensor:
        return layer.norm(layer.linear(below.activation(x)))

    for i, jacobian in enumerate(layer_jacobian(below, layer, x)):
        whole = torch.autograd.functional.jacobian(forward, x[i : i + 1])[0, :, 0]
        assert torch.allclose(jacobian, whole)


def test_jacobian_is_between_vectors_before_scale_and_shift(session) -> None:
    one = session("norm=batch", "model.hidden=[5,7]")
    before = _measure("jacobian", one)
    with torch.no_grad():
        _layers(one)[1].norm.weight *= 10  # the last one's: nothing that it receives changes
    assert _measure("jacobian", one) == pytest.approx(before)


def test_loss_at_the_same_parameters_is_the_same(session) -> None:
    """Batch renormalization goes by its moving averages, which every call would move."""
    one = session("norm=batch_renorm")
    for layer in _layers(one):
        layer.norm.running_mean += 1  # so far from the mini-batch's that they count
        layer.norm.num_batches_tracked += 10**6  # past the steps in which they count less
    loss = Evaluator(one).subject(0).training_loss
    first, second = (loss.at(loss.parameters)[0] for _ in range(2))
    assert first == second


def test_gradient_is_that_of_the_groups_next_mini_batch(session) -> None:
    one = session("groups=2")
    images, labels = one.batches()(6)  # update 3 takes mini-batches 6 and 7
    direct = TrainingLoss(one, images, labels)
    subject = Evaluator(one).subject(3)
    assert torch.equal(
        subject.training_loss.at(direct.parameters)[0], direct.at(direct.parameters)[0]
    )
