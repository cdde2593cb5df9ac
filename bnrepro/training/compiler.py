"""Whether and how the training step is compiled."""

import logging
import time
from typing import Literal

import torch
from torch import Tensor, nn

from bnrepro.data.batches import TrainingBatches
from bnrepro.errors import UserError
from bnrepro.training.device import describe_device
from bnrepro.training.lease import Say
from bnrepro.training.program import compile_program
from bnrepro.training.session import Session
from bnrepro.training.step import MakeBatch, Step, TrainingStep, with_its_batch

# From about this many steps on, the compiler's warm-up is earned back on a CPU: 5 to 7 s where the
# program is in its cache. The first run on a machine pays more, 15 to 35 s for an MLP and two to
# three minutes for Inception, for those after it.
_WORTHWHILE_STEPS = 20_000
# Where a step takes less than a millisecond, calling counts: kernels are called from C++, and
# shapes, which do not change, are not checked. Matching patterns would only put a layer's bias back
# into its product.
_CALLED_OFTEN = {
    "cpp_wrapper": True,
    "size_asserts": False,
    "alignment_asserts": False,
    "pattern_matcher": False,
}


def compile_step(
    update: TrainingStep,
    make_batch: MakeBatch,
    mode: Literal["auto", "on", "off"],
    steps: int,
    device: torch.device,
) -> Step | None:
    """The step under torch.compile, or None where it is to run eagerly.

    Depends on the run's length, not on what is left of it, so a resumed run computes as before.

    Raises:
        UserError: it is asked for on a device on which it does not train.
    """
    if mode == "on" and device.type == "mps":
        raise UserError(
            "runtime.compile=on: torch.compile does not train on mps; use runtime.compile=auto"
        )
    wanted = mode == "on" or (mode == "auto" and steps >= _WORTHWHILE_STEPS)
    if not wanted or device.type == "mps":
        return None
    import torch._dynamo  # takes as long as importing the rest of torch: not where it is not needed

    # It warns of a CUDA toolkit without a GPU, which says nothing of this run.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)

    # The gradient inside the step goes into the same program as the forward pass and the update.
    torch._dynamo.config.trace_autograd_ops = True
    if device.type != "cpu":
        return with_its_batch(compile_program(update, {}), make_batch)
    if not _convolves(update.model):
        return compile_program(with_its_batch(update, make_batch), _CALLED_OFTEN)
    # The update of hundreds of parameters is one fused kernel already, and half of the warm-up.
    gradients = compile_program(update.gradients, {})

    def update_by(images_NCHW: Tensor, labels_N: Tensor, lr: Tensor) -> Tensor:
        loss, of_parameters = gradients(images_NCHW, labels_N)
        update.update(of_parameters, lr)
        return loss

    return with_its_batch(update_by, make_batch)


def _convolves(model: nn.Module) -> bool:
    return any(isinstance(module, nn.Conv2d) for module in model.modules())


def choose_step(session: Session, batches: TrainingBatches, say: Say) -> tuple[Step, bool]:
    """The step to call, compiled if that is wanted and possible; and whether it is compiled.

    Args:
        session: the run's.
        batches: that it trains on.
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
    step, is_compiled, how = _compiled_or_eager(session, batches, say)
    graph = ", one CUDA graph" if runtime.cuda_graph else ""
    say(f"{describe_device(session.device)}, {runtime.threads} thread(s), {how}{graph}")
    return step, is_compiled


def _compiled_or_eager(
    session: Session, batches: TrainingBatches, say: Say
) -> tuple[Step, bool, str]:
    """The step, whether it is compiled, and how it computes, in words."""
    runtime = session.config.runtime
    eager = with_its_batch(session.update, batches.make)
    start = time.monotonic()  # importing the compiler is a part of it
    compiled = compile_step(
        session.update, batches.make, runtime.compile, session.config.steps, session.device
    )
    if compiled is None:
        return eager, False, "eager"
    say(
        "compiling the training step: at the first run on a machine half a minute for a small "
        "network, two to three minutes for Inception; later seconds"
    )
    first = [batches.ingredients(number) for number in range(2)]
    try:
        with session.taking_back():
            for ingredients in first:  # from the third call on, the program is called itself
                compiled(*ingredients, torch.zeros((), device=session.device))
    # Every error of torch.compile is a RuntimeError; another version may lack a class, and the
    # folder of its cache may be one that cannot be written.
    except (RuntimeError, ImportError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        if runtime.compile == "on":
            raise UserError(
                f"runtime.compile=on: torch.compile failed ({reason}); use runtime.compile=auto"
            ) from error
        return eager, False, f"eager: torch.compile failed ({reason})"
    return compiled, True, f"compiled in {time.monotonic() - start:.1f} s"
