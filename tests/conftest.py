import contextlib
import importlib
import io
import os
import signal
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from bnrepro.cli import main
from bnrepro.cli.app import settings
from bnrepro.config import RunConfig, load
from bnrepro.config.load import preset
from tests import forked

ROOT = Path(__file__).parent.parent

_LOAD = importlib.import_module("bnrepro.config.load")

CommandLine = Callable[..., subprocess.CompletedProcess[str]]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Neighbours stay together: what files or folders share is made once, not in every process."""
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log) if config.getvalue("dist") == "load" else None


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _composed_once() -> None:
    """A process keeps 128 compositions, which is enough for a command; tests ask for more."""
    _LOAD._compose_once = cache(_LOAD._compose_once.__wrapped__)


@pytest.fixture
def command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """Run `bnrepro` in an empty folder, in this process, which has imported torch already.

    So have the processes that a sweep starts; tests/end_to_end/test_sweep.py has real ones.
    """

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        code: Any = 0
        with (
            monkeypatch.context() as patch,
            contextlib.redirect_stdout(io.StringIO()) as out,
            contextlib.redirect_stderr(io.StringIO()) as errors,
            warnings.catch_warnings(),
        ):
            patch.chdir(tmp_path)
            patch.setattr(sys, "argv", ["bnrepro", *arguments])
            patch.setattr("bnrepro.forkserver.start_server", forked.start_server)
            patch.setattr("bnrepro.reproduce.start_server", forked.start_server)
            for name, value in _environment(tmp_path).items():
                patch.setenv(name, value)
            warnings.simplefilter("default")
            try:
                main()
            except SystemExit as ended:
                code = ended.code
            except Exception:
                code = 1
                traceback.print_exc()
            finally:
                torch.set_num_threads(1)
                settings["debug"] = False
                preset.cache_clear()
                for number, handler in handlers.items():
                    signal.signal(number, handler)
        return subprocess.CompletedProcess(arguments, code or 0, out.getvalue(), errors.getvalue())

    return run


@pytest.fixture
def command_line_process(tmp_path: Path) -> CommandLine:
    """Run `bnrepro` as a process of its own, in an empty folder, where that is what matters."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bnrepro", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, **_environment(tmp_path)},
        )

    return run


def _environment(folder: Path) -> dict[str, str]:
    return {"COLUMNS": "200", "XDG_CACHE_HOME": str(folder.parent / f"{folder.name}-cache")}


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
