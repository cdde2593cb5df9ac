"""A step replayed as a CUDA graph: the same numbers, and said where there is no CUDA."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from rich.console import Console

from bnrepro.config import RunConfig
from bnrepro.errors import UserError
from bnrepro.training import run

SmallRun = Callable[..., RunConfig]


@pytest.mark.skipif(torch.cuda.is_available(), reason="the machine has CUDA")
def test_graph_needs_cuda(small_run: SmallRun) -> None:
    message = r"runtime.cuda_graph=true: the run is on cpu, and only CUDA has graphs"
    with pytest.raises(UserError, match=message):
        run(small_run("runtime.cuda_graph=true"), Console(quiet=True))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("compiling", ["on", "off"])
def test_graph_trains_to_the_same_bytes(
    small_run: SmallRun, tmp_path: Path, compiling: str
) -> None:
    told = ("runtime.device=cuda", f"runtime.compile={compiling}", "model.dropout=0.2")
    eager = run(small_run(*told), Console(quiet=True)).directory.weights.read_bytes()
    again = small_run(*told, "runtime.cuda_graph=true", f"runtime.runs={tmp_path / 'graph'}")
    assert run(again, Console(quiet=True)).directory.weights.read_bytes() == eager
