"""A function compiled into one program that is called by itself from the second call on."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from bnrepro.training.program import compile_program


def test_every_call_takes_its_own_arguments_and_writes_into_what_the_function_holds() -> None:
    held = torch.zeros(3)

    def function(x: Tensor, factor: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        held.add_(x)
        return held * factor, {"sum": x.sum()}

    compiled = compile_program(function, {})
    total = torch.zeros(3)
    for number in range(4):
        x, factor = torch.full((3,), float(number)), torch.tensor(10.0 + number)
        total += x
        assert_close(compiled(x, factor), (total * factor, {"sum": 3.0 * x[0]}))
    assert_close(held, total)


def test_results_of_earlier_calls_stay() -> None:
    compiled = compile_program(lambda x: x * 2, {})
    results = [compiled(torch.full((3,), float(number))) for number in range(4)]
    assert_close(torch.stack(results)[:, 0], torch.tensor([0.0, 2.0, 4.0, 6.0]))


@pytest.mark.parametrize(
    "function",
    [lambda x, y: x + 1, lambda x, y: (x + y, x)],
    ids=["an argument without effect", "an argument is returned"],
)
def test_a_program_of_other_tensors_is_refused(function) -> None:
    """Called by itself, it would go on with the tensors of the first call."""
    with pytest.raises(RuntimeError, match="takes or returns other tensors than the function"):
        compile_program(function, {})(torch.ones(3), torch.ones(3))
