"""A function compiled into one program that is called by itself from the third call on."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from bnrepro.training.program import Call, compile_program, without_wrapper


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


def test_an_argument_may_be_without_effect() -> None:
    """As the rate is where gradients are only gathered."""
    compiled = compile_program(lambda x, _: x + 1, {})
    for number in range(4):
        x = torch.full((3,), float(number))
        assert_close(compiled(x, torch.ones(())), x + 1)


def test_a_program_that_does_not_return_the_result_is_refused() -> None:
    compiled = compile_program(lambda x: (x + 1, x), {})
    compiled(torch.ones(3))
    with pytest.raises(RuntimeError, match="the program does not return all that the function"):
        compiled(torch.ones(3))


@pytest.mark.parametrize("copies", [False, True])
def test_a_program_whose_inputs_are_copies_is_refused(copies: bool) -> None:
    """Called by itself, it would go on with the mini-batch of the second call."""
    held = torch.tensor([10.0])

    def call(x: Tensor) -> Call:
        given = x.clone() if copies else x
        y = given * held
        return Call([x], y, lambda inputs: [inputs[0] * inputs[1]], [given, held], [y])

    calls = call(torch.tensor([1.0])), call(torch.tensor([2.0]))
    if copies:
        with pytest.raises(RuntimeError, match="where input 0 of the program comes from is not"):
            without_wrapper(*calls)
    else:
        assert without_wrapper(*calls)(torch.tensor([3.0])).item() == 30
