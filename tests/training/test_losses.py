import pytest
import torch

from bnrepro.training.losses import DivergedError, LossMean


def test_mean_is_of_the_steps_since_the_last_row() -> None:
    loss = LossMean(torch.zeros(0))
    for value in (1.0, 2.0, 6.0):
        loss.add(torch.tensor(value))
    assert loss.take(step=3) == 3.0
    loss.add(torch.tensor(8.0))
    assert loss.take(step=4) == 8.0


def test_stretch_goes_on_from_a_checkpoint() -> None:
    first = LossMean(torch.zeros(0))
    first.add(torch.tensor(1.0))
    second = LossMean(first.losses)
    second.add(torch.tensor(3.0))
    assert second.take(step=2) == 2.0


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_first_step_that_is_not_finite_is_named(bad: float) -> None:
    loss = LossMean(torch.zeros(0))
    for value in (1.0, 2.0, bad, float("nan")):
        loss.add(torch.tensor(value))
    with pytest.raises(DivergedError, match="the loss is not finite at step 103") as diverged:
        loss.take(step=104)
    assert diverged.value.step == 103
