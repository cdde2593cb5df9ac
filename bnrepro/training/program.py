"""One program of a function of tensors, by torch.compile, called as directly as it can be."""

from collections.abc import Callable, Sequence
from itertools import count
from types import FunctionType
from typing import Any, NamedTuple, TypeVar
from unittest.mock import patch

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

_NUMBERS = count()

Result = TypeVar("Result")


class Call(NamedTuple):
    """A call of a compiled function, and what became of it inside.

    Attributes:
        arguments: of the function.
        result: of the function, tensors in any structure.
        program: what Inductor made of the function.
        inputs: of the program.
        outputs: of the program.
    """

    arguments: Sequence[Tensor]
    result: Any
    program: Callable[..., Any]
    inputs: Sequence[Any]
    outputs: Sequence[Any]


def compile_program(
    function: Callable[..., Result], options: dict[str, bool]
) -> Callable[..., Result]:
    """The function as one program, compiled at its first call.

    What Dynamo and AOTAutograd do around a program at every call (finding the parameters, checking
    that nothing changed, looking for what was written to) is a quarter of an MNIST step, and never
    comes out differently within a run: one network whose parameters stay where they are, and
    mini-batches of one size. So from the third call on, what Inductor made is called itself.

    Args:
        function: of tensors; no gradient is taken through it. It may write into tensors that it
            holds, and these must never be replaced by others.
        options: of Inductor.

    Returns:
        What computes the same. Its first call raises RuntimeError where the function cannot be
        compiled; its second, where the program cannot be called by itself (see `without_wrapper`).
    """

    def program(*tensors: Tensor) -> Result:
        return function(*tensors)

    # By its code object Dynamo finds a program: each network's is its own.
    own = program.__code__.replace(co_name=f"program_{next(_NUMBERS)}")
    compiled = torch.compile(
        FunctionType(own, program.__globals__, closure=program.__closure__),
        fullgraph=True,
        dynamic=False,
        options={"guard_filter_fn": torch.compiler.skip_all_guards_unsafe, **options},
    )
    first: Call | None = None
    direct: Callable[..., Result] | None = None

    def call(*tensors: Tensor) -> Result:
        nonlocal first, direct
        if direct is not None:
            return direct(*tensors)
        now = _overhear(compiled, tensors)
        if first is None:
            first = now
        else:
            direct = without_wrapper(first, now)
            first = None
        result: Result = now.result
        return result

    return call


def without_wrapper(first: Call, second: Call) -> Callable[..., Any]:
    """What calls a program itself and does what its compiled function does.

    Args:
        first: a call of the function.
        second: another one.

    Raises:
        RuntimeError: an input is neither an argument in both calls nor the same tensor in both, so
            that it is not known where it comes from; or a result is no output of the program.
    """
    # Without the wish for a gradient: operators that write into a given output refuse it.
    fixed = [one.detach() if isinstance(one, Tensor) else one for one in second.inputs]
    places = []
    for place, (earlier, later) in enumerate(zip(first.inputs, second.inputs, strict=True)):
        argument = _index(second.arguments, later)
        if argument is not None and first.arguments[argument] is earlier:
            places.append((place, argument))
        elif earlier is not later:
            raise RuntimeError(f"where input {place} of the program comes from is not known")
    leaves, structure = pytree.tree_flatten(second.result)
    found = [_index(second.outputs, leaf) for leaf in leaves]
    numbers = [number for number in found if number is not None]
    if len(numbers) < len(leaves):
        raise RuntimeError("the program does not return all that the function does")
    program = second.program

    def direct(*tensors: Tensor) -> Any:
        given = fixed.copy()
        for place, argument in places:
            given[place] = tensors[argument]
        outputs = program(given)
        return structure.unflatten([outputs[number] for number in numbers])

    return direct


def _index(among: Sequence[Any], wanted: Any) -> int | None:
    """Where an object itself is, not one that equals it; None: nowhere."""
    return next((number for number, one in enumerate(among) if one is wanted), None)


def _overhear(compiled: Callable[..., Any], arguments: Sequence[Tensor]) -> Call:
    """A call of a compiled function, by the way of torch.compile."""
    from torch._inductor.output_code import CompiledFxGraph

    calls: list[Call] = []
    around = CompiledFxGraph.__call__

    def listen(graph: CompiledFxGraph, inputs: Sequence[Any]) -> Any:
        given = list(inputs)  # a program empties the list that it is given
        outputs = around(graph, inputs)
        assert graph.current_callable is not None
        calls.append(Call(arguments, None, graph.current_callable, given, outputs))
        return outputs

    with patch.object(CompiledFxGraph, "__call__", listen):
        result = compiled(*arguments)
    if len(calls) != 1:
        raise RuntimeError(f"the function became {len(calls)} programs, not one")
    return calls[0]._replace(result=result)
