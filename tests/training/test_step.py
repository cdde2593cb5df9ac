import copy

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.testing import assert_close

from bnrepro.training.compiler import compile_step
from bnrepro.training.step import TrainingStep

CPU = torch.device("cpu")


def _model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))


def _batches(count: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    return [
        (
            torch.randint(0, 2, (12, 1, 4, 4), generator=generator, dtype=torch.uint8),
            torch.randint(0, 3, (12,), generator=generator),
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize(("momentum", "weight_decay"), [(0.0, 0.0), (0.9, 0.0), (0.9, 0.01)])
def test_equals_torchs_sgd(momentum: float, weight_decay: float) -> None:
    ours, theirs = _model(), _model()
    step = TrainingStep(ours, momentum, weight_decay)
    optimizer = torch.optim.SGD(
        theirs.parameters(), lr=0.1, momentum=momentum, weight_decay=weight_decay
    )
    for images, labels in _batches(5):
        loss = step(images, labels, torch.tensor(0.1))
        optimizer.zero_grad()
        expected = functional.cross_entropy(theirs(images.float()), labels)
        expected.backward()
        optimizer.step()
        assert_close(loss, expected.detach())
    for mine, reference in zip(
        ours.state_dict().values(), theirs.state_dict().values(), strict=True
    ):
        assert_close(mine, reference)


def test_compiled_step_computes_the_same() -> None:
    eager, compiled = _model(), copy.deepcopy(_model())
    plain = TrainingStep(eager, 0.9, 0.01)
    step = compile_step(TrainingStep(compiled, 0.9, 0.01), "on", steps=1, device=CPU)
    assert step is not None
    for images, labels in _batches(4):
        assert_close(
            step(images, labels, torch.tensor(0.1)), plain(images, labels, torch.tensor(0.1))
        )
    for mine, reference in zip(
        compiled.state_dict().values(), eager.state_dict().values(), strict=True
    ):
        assert_close(mine, reference)


def test_short_runs_stay_eager_and_long_ones_are_compiled() -> None:
    step = TrainingStep(_model(), 0.0, 0.0)
    assert compile_step(step, "auto", steps=1_000, device=CPU) is None
    assert compile_step(step, "off", steps=1_000_000, device=CPU) is None
    assert compile_step(step, "auto", steps=50_000, device=CPU) is not None
