"""Where and how a run executes."""

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat

from bnrepro.config.options.section import PositiveInt, Section

Threads = Annotated[int, Field(ge=1, le=1024)]


class Runtime(Section):
    """Where and how the run executes; no part of its identity."""

    runs: str
    """Folder that holds the run directories."""
    device: Literal["auto", "cpu", "cuda", "mps"]
    """auto: CUDA, then Apple's MPS, then the CPU."""
    threads: Threads
    """CPU threads of each process. One thread a run and many runs side by side is the fastest."""
    processes: PositiveInt = 1
    """Processes, one a GPU, that share the groups of a step: they train to the same bytes as one.
    Preset: 1, or as many as torchrun has started."""
    compile: Literal["auto", "on", "off"]
    """Compile the training step with torch.compile; auto: on CPU and CUDA where the run is long
    enough to earn back the warm-up, if the machine can."""
    cuda_graph: bool = False
    """Replay the training step as one CUDA graph: the same numbers, for networks so small that
    launching their kernels takes the time."""
    checkpoint_seconds: Annotated[FiniteFloat, Field(ge=0)]
    """Seconds between checkpoints; 0: after every step."""
    tensorboard: bool
    """Write TensorBoard events beside metrics.jsonl."""
    profile: bool
    """Write a torch.profiler trace of 20 steps into the run directory."""
