"""Whether and how the training step is compiled."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from bnrepro.training.step import TrainingStep

Step = Callable[[Tensor, Tensor, Tensor], Tensor]

# Below this many steps the compiler's warm-up (3 to 10 s) is not earned back on a CPU.
_WORTHWHILE_STEPS = 20_000


def _is_worthwhile(step: TrainingStep, steps: int, device: torch.device) -> bool:
    """Whether the run is long enough, and the network one that gains.

    On a CPU convolutions take the time, and compiling leaves them as they are: Inception gained a
    tenth, after minutes of warm-up.
    """
    convolves = any(isinstance(module, nn.Conv2d) for module in step.model.modules())
    return steps >= _WORTHWHILE_STEPS and not (convolves and device.type == "cpu")


def compile_step(
    step: TrainingStep,
    mode: Literal["auto", "on", "off"],
    steps: int,
    device: torch.device,
) -> Step | None:
    """The step under torch.compile, or None where it is to run eagerly.

    Depends on the run's length, not on what is left of it, so a resumed run computes as before.
    """
    wanted = mode == "on" or (mode == "auto" and _is_worthwhile(step, steps, device))
    if not wanted or device.type == "mps":
        return None
    import torch._dynamo  # takes as long as importing the rest of torch: not where it is not needed

    # The gradient inside the step goes into the same program as the forward pass and the update.
    torch._dynamo.config.trace_autograd_ops = True
    return torch.compile(step.__call__, fullgraph=True, dynamic=False)
