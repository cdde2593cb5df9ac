"""A wheel, installed beside, works from another folder."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.synthetic import write_run


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of a fresh environment that holds the wheel, and borrows the dependencies."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
        timeout=120,
    )
    environment = folder / "environment"
    venv.create(environment)
    (wheel,) = folder.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--python", environment]  # none of its own: unpacking takes
    install = [*pip, "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run(install, check=True, timeout=120)
    # A plain path: the borrowed folder's own .pth files, the editable install's among them, are
    # not read.
    (site,) = (environment / "lib").glob("*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return environment / "bin" / "bnrepro"


def _run(command: Path, folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "COLUMNS": "200"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [command, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_wheel_lists_trains_and_draws_from_another_folder(installed: Path, tmp_path: Path) -> None:
    assert "fig1/with_bn" in _run(installed, tmp_path, "list")
    told = _run(installed, tmp_path, "train", "steps=2")
    assert "finished: step 2 of 2" in told
    drawn = _run(installed, tmp_path, "figure", "fig1", "steps=2")
    assert "fig1.svg" in drawn
    (config,) = (tmp_path / "runs" / "fig1" / "with_bn").glob("*/config.yaml")
    assert "git_commit: ''" in config.read_text(), "the wheel is no part of a checkout"
    write_run(tmp_path / "runs", "fig1/with_bn", {"test/accuracy": [0.1, 0.9]})
    told = _run(installed, tmp_path, "report", "--html")
    assert "report.html" in told, "the templates are in the wheel"
