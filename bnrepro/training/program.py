"""One program of a function of tensors, by torch.compile, called as directly as it can be."""

from collections.abc import Callable, Sequence
from itertools import count
from types import FunctionType
from typing import Any, TypeVar
from unittest.mock import patch

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

_NUMBERS = count()

Result = TypeVar("Result")


def compile_program(
    function: Callable[..., Result], options: dict[str, bool]
) -> Callable[..., Result]:
    """The function as one program, compiled at its first call.

    What Dynamo and AOTAutograd do around a program at every call (finding the parameters, checking
    that nothing changed, looking for what was written to) is a quarter of an MNIST step, and never
    comes out differently within a run: one network whose parameters stay where they are, and
    mini-batches of one size. So from the second call on, what Inductor made is called itself, with
    the inputs of the first call in which only the function's arguments are replaced.

    Args:
        function: of tensors; no gradient is taken through it. It may write into tensors that it
            holds, and these must never be replaced by others. Each argument has an effect.
        options: of Inductor.

    Returns:
        What computes the same. Its first call raises RuntimeError where the function cannot be
        compiled, or where the program does not take and return the very tensors of the function:
        then it could not be called by itself.
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
    direct: Callable[..., Result] | None = None

    def call(*tensors: Tensor) -> Result:
        nonlocal direct
        if direct is not None:
            return direct(*tensors)
        result, direct = _overhear(compiled, tensors)
        return result

    return call


def _overhear(
    compiled: Callable[..., Result], tensors: Sequence[Tensor]
) -> tuple[Result, Callable[..., Result]]:
    """The result of a compiled function's first call, and what calls Inductor's program itself."""
    from torch._inductor.output_code import CompiledFxGraph

    calls: list[tuple[Callable[..., Any], list[Any], Sequence[Any]]] = []
    around = CompiledFxGraph.__call__

    def listen(graph: CompiledFxGraph, inputs: Sequence[Any]) -> Any:
        given = list(inputs)  # a program empties the list that it is given
        outputs = around(graph, inputs)
        assert graph.current_callable is not None
        calls.append((graph.current_callable, given, outputs))
        return outputs

    with patch.object(CompiledFxGraph, "__call__", listen):
        result = compiled(*tensors)
    if len(calls) != 1:
        raise RuntimeError(f"the function became {len(calls)} programs, not one")
    program, inputs, outputs = calls[0]
    # Without the wish for a gradient: operators that write into a given output refuse it.
    fixed = [one.detach() if isinstance(one, Tensor) else one for one in inputs]
    places = [
        (place, argument)
        for argument, tensor in enumerate(tensors)
        for place, one in enumerate(inputs)
        if one is tensor
    ]
    leaves, structure = pytree.tree_flatten(result)
    number_of = {id(output): number for number, output in enumerate(outputs)}
    if {argument for _, argument in places} != set(range(len(tensors))) or any(
        id(leaf) not in number_of for leaf in leaves
    ):
        raise RuntimeError("the program takes or returns other tensors than the function")
    numbers = [number_of[id(leaf)] for leaf in leaves]

    def direct(*tensors: Tensor) -> Result:
        given = fixed.copy()
        for place, argument in places:
            given[place] = tensors[argument]
        outputs = program(given)
        chosen = [outputs[number] for number in numbers]
        result: Result = structure.unflatten(chosen)
        return result

    return result, direct
