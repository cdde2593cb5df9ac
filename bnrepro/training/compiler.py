"""Whether and how the training step is compiled."""

import logging
import time
from collections.abc import Callable
from itertools import count
from types import FunctionType
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn

from bnrepro.errors import UserError
from bnrepro.training.device import describe_device
from bnrepro.training.lease import Say
from bnrepro.training.session import Session
from bnrepro.training.step import Step, TrainingStep

# Below this many steps the compiler's warm-up is not earned back on a CPU: 3 to 10 s for an MLP,
# two to three minutes for Inception, but 7 s where its program is in the compiler's cache.
_WORTHWHILE_STEPS = 20_000
_NUMBERS = count()

Result = TypeVar("Result")


def compile_step(
    step: TrainingStep,
    mode: Literal["auto", "on", "off"],
    steps: int,
    device: torch.device,
) -> Step | None:
    """The step under torch.compile, or None where it is to run eagerly.

    Depends on the run's length, not on what is left of it, so a resumed run computes as before.
    """
    wanted = mode == "on" or (mode == "auto" and steps >= _WORTHWHILE_STEPS)
    if not wanted or device.type == "mps":
        return None
    import torch._dynamo  # takes as long as importing the rest of torch: not where it is not needed

    # It warns of a CUDA toolkit without a GPU, which says nothing of this run.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)

    # The gradient inside the step goes into the same program as the forward pass and the update.
    torch._dynamo.config.trace_autograd_ops = True
    if device.type != "cpu" or not _convolves(step.model):
        return _compile(step)
    # The update of hundreds of parameters is one fused kernel already, and half of the warm-up.
    gradients = _compile(step.gradients)

    def update(images_NCHW: Tensor, labels_N: Tensor, lr: Tensor) -> Tensor:
        loss, of_parameters = gradients(images_NCHW, labels_N)
        step.update(of_parameters, lr)
        return loss

    return update


def _convolves(model: nn.Module) -> bool:
    return any(isinstance(module, nn.Conv2d) for module in model.modules())


def _compile(function: Callable[..., Result]) -> Callable[..., Result]:
    """One program of a function of tensors, compiled at its first call."""

    def program(*tensors: Tensor) -> Result:
        return function(*tensors)

    # By its code object Dynamo finds a program: each network's is its own.
    own = program.__code__.replace(co_name=f"program_{next(_NUMBERS)}")
    compiled = torch.compile(
        FunctionType(own, program.__globals__, closure=program.__closure__),
        fullgraph=True,
        dynamic=False,
        # What Dynamo would check before every call does not change within a run: one network,
        # mini-batches of one size.
        options={"guard_filter_fn": torch.compiler.skip_all_guards_unsafe},
    )
    direct: Callable[..., Result] | None = None

    def call(*tensors: Tensor) -> Result:
        nonlocal direct
        if direct is not None:
            return direct(*tensors)
        result: Result = compiled(*tensors)
        # With nothing to check, what torch.compile does around the program at every call is a sixth
        # of the MNIST network's step, for nothing: from here on the program itself is called.
        [entry] = torch._dynamo.eval_frame._debug_get_cache_entry_list(own)
        direct = FunctionType(entry.code, program.__globals__, closure=program.__closure__)
        return result

    return call


def choose_step(session: Session, say: Say) -> Step:
    """The step to call: compiled if that is wanted and possible, else the session's own.

    Args:
        session: the run's.
        say: told where and how the run computes.

    Raises:
        UserError: the config insists on compiling, and that failed; or on a graph, elsewhere than
            on CUDA.
    """
    runtime = session.config.runtime
    if runtime.cuda_graph and session.device.type != "cuda":
        raise UserError(
            f"runtime.cuda_graph=true: the run is on {session.device.type}, and only CUDA has "
            "graphs; use runtime.cuda_graph=false"
        )
    step, how = _compiled_or_eager(session, say)
    graph = ", one CUDA graph" if runtime.cuda_graph else ""
    say(f"{describe_device(session.device)}, {runtime.threads} thread(s), {how}{graph}")
    return step


def _compiled_or_eager(session: Session, say: Say) -> tuple[Step, str]:
    """The step, and how it computes, in words."""
    runtime = session.config.runtime
    compiled = compile_step(session.update, runtime.compile, session.config.steps, session.device)
    if compiled is None:
        return session.update, "eager"
    say(
        "compiling the training step: seconds for a small network, two to three minutes for "
        "Inception's first run on a machine"
    )
    start = time.monotonic()
    try:
        with session.taking_back():
            images, labels = session.batches()(0)
            compiled(images, labels, torch.zeros((), device=session.device))
    except RuntimeError as error:  # every error of torch.compile is one
        reason = str(error).strip().splitlines()[0]
        if runtime.compile == "on":
            raise UserError(
                f"runtime.compile=on: torch.compile failed ({reason}); use runtime.compile=auto"
            ) from error
        return session.update, f"eager: torch.compile failed ({reason})"
    return compiled, f"compiled in {time.monotonic() - start:.1f} s"
