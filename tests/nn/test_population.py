from typing import Literal

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from bnrepro.nn import BatchNorm, estimate_population_statistics
from bnrepro.nn.batch_variants import GhostBatchNorm


def _direct(inputs: list[Tensor], axes: list[int]) -> tuple[Tensor, Tensor]:
    """Algorithm 2, steps 10, from its formulas."""
    mean = torch.stack([x.mean(axes) for x in inputs]).mean(0)
    biased = torch.stack([x.var(axes, correction=0) for x in inputs]).mean(0)
    m = inputs[0].numel() // mean.numel()
    return mean, m / (m - 1) * biased


@pytest.mark.parametrize("kind", [BatchNorm, nn.BatchNorm1d])
def test_equals_the_direct_computation_through_two_layers(kind: type[nn.Module]) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 5), kind(5), nn.Sigmoid(), nn.Linear(5, 3), kind(3))
    batches = [torch.randn(6, 4) * (i + 1) for i in range(7)]
    estimate_population_statistics(model, batches)
    first = [model[0](x) for x in batches]
    # What the second layer saw: the first normalizes by the batch's own statistics.
    second = [
        model[3](torch.sigmoid((h - h.mean(0)) / torch.sqrt(h.var(0, correction=0) + 1e-5)))
        for h in first
    ]
    for layer, inputs in ((model[1], first), (model[4], second)):
        mean, var = _direct(inputs, [0])
        assert_close(layer.running_mean, mean)
        assert_close(layer.running_var, var)


@pytest.mark.parametrize("kind", [BatchNorm, nn.BatchNorm1d])
@pytest.mark.parametrize("offset", [0.0, 1e4])  # a mean far from zero costs no precision
def test_pooled_is_all_examples_together_layer_by_layer(
    kind: type[nn.Module], offset: float
) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 5), kind(5), nn.Sigmoid(), nn.Linear(5, 3), kind(3)).double()
    batches = [torch.randn(2, 4).double() * (i + 1) + i for i in range(7)]
    with torch.no_grad():
        model[0].bias += offset
        first = [model[0](x) for x in batches]
        # Each layer's batches are normalized by their own statistics on their way to the next.
        second = [
            model[3](torch.sigmoid((h - h.mean(0)) / torch.sqrt(h.var(0, correction=0) + 1e-5)))
            for h in first
        ]
    estimate_population_statistics(model, batches, "pooled")
    for layer, inputs in ((model[1], first), (model[4], second)):
        together = torch.cat(inputs)
        assert_close(layer.running_mean, together.mean(0))
        assert_close(layer.running_var, together.var(0, correction=0))


@pytest.mark.parametrize("statistics", ["population", "pooled"])
def test_mini_batches_may_pass_together(
    monkeypatch: pytest.MonkeyPatch, statistics: Literal["population", "pooled"]
) -> None:
    """Whole groups and a rest; each is normalized by itself, feature maps by channels."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), BatchNorm(4), nn.ReLU(), nn.BatchNorm2d(4)).double()
    batches = [torch.randn(6, 3, 5, 5).double() * (i + 1) + i for i in range(7)]
    averages = []
    for values in (1, 3 * batches[0].numel()):
        monkeypatch.setattr("bnrepro.nn.population._VALUES_AT_ONCE", values)
        estimate_population_statistics(model, batches, statistics)
        averages.append([value.clone() for value in model.buffers()])
    assert_close(averages[1], averages[0])


@pytest.mark.parametrize("statistics", ["population", "pooled"])
def test_mini_batches_of_ghost_normalization_are_its_groups(
    statistics: Literal["population", "pooled"],
) -> None:
    torch.manual_seed(0)
    linear = nn.Linear(3, 4)
    ghost = nn.Sequential(GhostBatchNorm(3, examples=2), linear, GhostBatchNorm(4, examples=2))
    plain = nn.Sequential(BatchNorm(3), linear, BatchNorm(4))
    batches = [torch.randn(6, 3) * (i + 1) + i for i in range(3)]
    estimate_population_statistics(ghost, batches, statistics)
    estimate_population_statistics(plain, [g for x in batches for g in x.split(2)], statistics)
    assert_close(ghost.state_dict(), plain.state_dict())


def test_pooled_by_hand() -> None:
    layer = BatchNorm(1)
    batches = [torch.tensor([[0.0], [2.0]]), torch.tensor([[5.0], [9.0]])]
    estimate_population_statistics(layer, batches, "pooled")
    # Means 1 and 7, biased variances 1 and 4: (1 + 4) / 2 within, 3^2 between.
    assert layer.running_mean.item() == 4
    assert layer.running_var.item() == 2.5 + 9


def test_pooled_of_one_batch_is_its_biased_variance() -> None:
    layer, x = BatchNorm(3), torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    estimate_population_statistics(layer, [x], "pooled")
    assert_close(layer.running_mean, x.mean(0))
    assert_close(layer.running_var, x.var(0, correction=0))


def test_algorithm_2_doubles_the_variance_above_a_bn_layer_at_two_examples() -> None:
    """Its m / (m - 1) is for independent examples; those of a batch are not, above the first BN."""
    torch.manual_seed(0)
    batches = list(torch.randn(2000, 2, 8))
    variances = {}
    for statistics in ("population", "pooled"):
        model = nn.Sequential(BatchNorm(8), nn.Linear(8, 1), BatchNorm(1))
        nn.init.ones_(model[1].weight)
        estimate_population_statistics(model, batches, statistics)
        variances[statistics] = [model[i].running_var.mean().item() for i in (0, 2)]
    below, above = (
        population / pooled for population, pooled in zip(*variances.values(), strict=True)
    )
    assert below == pytest.approx(1, abs=0.05)
    assert above == pytest.approx(2, abs=0.05)


@pytest.mark.parametrize("kind", [BatchNorm, nn.BatchNorm2d])
def test_feature_maps_count_batch_times_positions(kind: type[nn.Module]) -> None:
    torch.manual_seed(0)
    layer = kind(3)
    batches = [torch.randn(2, 3, 2, 2) for _ in range(4)]
    estimate_population_statistics(layer, batches)
    mean, var = _direct(batches, [0, 2, 3])
    assert_close(layer.running_mean, mean)
    assert_close(layer.running_var, var)


def test_per_activation_statistics_cover_the_batch_alone() -> None:
    torch.manual_seed(0)
    layer = BatchNorm((3, 2, 2))
    batches = [torch.randn(5, 3, 2, 2) for _ in range(4)]
    estimate_population_statistics(layer, batches)
    mean, var = _direct(batches, [0])
    assert_close(layer.running_mean, mean)
    assert_close(layer.running_var, var)


def test_nothing_else_changes() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5), BatchNorm(3))
    model[1].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    estimate_population_statistics(model, [torch.randn(6, 4)])
    assert [module.training for module in model] == [True, False, True]
    changed = {n for n, value in model.state_dict().items() if not torch.equal(value, before[n])}
    assert changed == {"2.running_mean", "2.running_var"}


@pytest.mark.parametrize(
    ("batches", "told"),
    [
        ([], "at least one mini-batch"),
        ([torch.randn(4, 3), torch.randn(5, 3)], "mini-batches of one size"),
        ([torch.randn(1, 3)], "more than 1 value"),
    ],
)
@pytest.mark.parametrize("kind", [BatchNorm, nn.BatchNorm1d])
def test_refusals_leave_the_model_alone(
    kind: type[nn.Module], batches: list[Tensor], told: str
) -> None:
    layer = kind(3)
    with pytest.raises(ValueError, match=rf"(?i){told}"):
        estimate_population_statistics(layer, batches)
    assert_close(layer.running_mean, torch.zeros(3))


def test_layer_without_running_statistics_is_refused() -> None:
    with pytest.raises(ValueError, match="track_running_stats=False"):
        estimate_population_statistics(BatchNorm(3, track_running_stats=False), [torch.ones(4, 3)])


def test_network_without_batch_norm_needs_no_batches() -> None:
    estimate_population_statistics(nn.Linear(3, 3), [])


def test_a_layer_that_inference_does_not_run_keeps_its_own() -> None:
    """An auxiliary classifier has no population estimates, and inference needs none."""

    class WithAuxiliary(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.auxiliary = nn.BatchNorm1d(3), nn.BatchNorm1d(3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.norm(x)
            return y + self.auxiliary(y) if self.training else y

    model = WithAuxiliary()
    estimate_population_statistics(model, [torch.randn(8, 3) + 5])
    assert model.norm.running_mean.min() > 3
    assert torch.equal(model.auxiliary.running_mean, torch.zeros(3))
    with pytest.raises(ValueError, match="at least one mini-batch"):
        estimate_population_statistics(model, [])
