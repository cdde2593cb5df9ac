import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bnrepro.config import RunConfig, load

ROOT = Path(__file__).parent.parent

CommandLine = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def command_line(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """Run `bnrepro` as a process of its own, in an empty folder."""

    cache = tmp_path_factory.mktemp("cache")

    def run(*arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bnrepro", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, "COLUMNS": "200", "XDG_CACHE_HOME": str(cache)},
        )

    return run


@pytest.fixture
def small_run(tmp_path: Path) -> Callable[..., RunConfig]:
    """The config of a run of some 60 steps on the digits, below ``tmp_path``."""

    def make(*overrides: str) -> RunConfig:
        return load(
            [
                "experiment=fig1/with_bn",
                "scale=smoke",
                "steps=60",
                "record.every=10",
                "evaluation.population_batches=2",
                f"runtime.runs={tmp_path / 'runs'}",
                *overrides,
            ]
        )

    return make


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real data; tests that use it are marked ``real_data``."""
    root = os.environ.get("BNREPRO_DATA")
    if not root:
        if os.environ.get("BNREPRO_REQUIRE_DATA"):
            pytest.fail("BNREPRO_REQUIRE_DATA is set and BNREPRO_DATA is not")
        pytest.skip("real data: set BNREPRO_DATA to a folder that holds mnist/")
    return Path(root)
