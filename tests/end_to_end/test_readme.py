"""Every command of the README runs, two steps long, and every preset trains."""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bnrepro.config.groups import header, options
from tests.conftest import ROOT, CommandLine

README = (ROOT / "README.md").read_text()
# What the quickstart runs after the installation, and what it says to do next.
QUICKSTART = (ROOT / "scripts" / "quickstart.sh").read_text().replace(".venv/bin/", "")
LINES = [
    line.partition("#")[0].strip()
    for text in (*re.findall(r"```sh\n(.*?)```", README, re.DOTALL), QUICKSTART)
    for line in text.splitlines()
]
# The dashboard runs until it is stopped: tests/dashboard does that.
COMMANDS = [
    line
    for line in dict.fromkeys(LINES)
    if line.startswith("bnrepro ") and not line.startswith("bnrepro dashboard")
]
# Two steps on the embedded data stand for any run.
SHORT = ["scale=smoke", "data=digits", "debug=two_steps"]


def shortened(command: str) -> list[str]:
    arguments = shlex.split(command)[1:]
    if arguments[0] in ("train", "sweep", "compare"):
        left_out = ("scale=", "data=", "debug=", "data.", "steps=")
        return [*(a for a in arguments if not a.startswith(left_out)), *SHORT]
    return arguments


@pytest.fixture(scope="module")
def cloned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a clone has that commands read or could change; nobody changes it."""
    folder = tmp_path_factory.mktemp("cloned")
    shutil.copy(ROOT / ".gitignore", folder)
    shutil.copytree(ROOT / "results", folder / "results")
    _git(folder, "init", "--quiet")
    _git(folder, "add", ".")
    return folder


@pytest.fixture
def clone(cloned: Path, tmp_path: Path) -> Iterator[Path]:
    """The current folder as a clone, which stays clean."""
    shutil.copytree(cloned, tmp_path, dirs_exist_ok=True)
    yield tmp_path
    changes = _git(tmp_path, "status", "--porcelain").splitlines()
    assert [line for line in changes if not line.startswith("A  ")] == []


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_readme_command_runs(command_line: CommandLine, clone: Path, command: str) -> None:
    if command.startswith("bnrepro reproduce"):
        done = command_line(*shlex.split(command)[1:], "--scale", "smoke", "--seeds", "1")
        if command.endswith("mechanisms"):
            _check_every_question_is_answered(clone / "reports" / "smoke")
    else:
        arguments = shortened(command)
        if "RUN" in arguments:
            trained = command_line("train", "experiment=fig1/with_bn", *SHORT, "--json")
            run = json.loads(trained.stdout)["run"]
            arguments = [run if argument == "RUN" else argument for argument in arguments]
        done = command_line(*arguments)
    assert done.returncode == 0, done.stderr


def _check_every_question_is_answered(folder: Path) -> None:
    page = (folder / "mechanisms.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| ") and "?" in line]
    assert len(rows) == 14
    for row in rows:
        assert "not run" not in row
        assert "not enough" not in row
        [picture] = re.findall(r"\((\w+/\w+\.png)\)", row)
        assert (folder / picture).exists()


def test_readmes_study_is_one(
    command_line: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (tmp_path / "relu.py").write_text(next(block for block in blocks if "STUDY" in block))
    monkeypatch.setenv("BNREPRO_STUDIES", str(tmp_path))
    assert "Does BN help a network of ReLUs?" in command_line("list").stdout


def test_readmes_network_is_compared(command_line: CommandLine, tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (tmp_path / "my_network.py").write_text(next(b for b in blocks if "def build(" in b))
    [command] = re.findall(r"`(bnrepro compare norm=batch,none model=python [^`]*)`", README)
    done = command_line(*shortened(command))
    assert done.returncode == 0, done.stderr
    assert "norm=batch" in done.stdout


def test_readme_has_commands_to_run() -> None:
    assert len(COMMANDS) >= 5
    assert "sh scripts/quickstart.sh" in README
    assert "sh scripts/test.sh" in README


@pytest.mark.parametrize("experiment", options("experiment"))
def test_every_experiment_trains_and_is_headed(command_line: CommandLine, experiment: str) -> None:
    for mark in ("Command:", "Expected:"):
        assert mark in header("experiment", experiment)
    done = command_line("train", f"experiment={experiment}", *SHORT)
    assert "finished: step 2 of 2" in done.stdout, done.stderr


@pytest.mark.parametrize("debug", options("debug"))
def test_every_debug_preset_trains(command_line: CommandLine, debug: str) -> None:
    done = command_line("train", "scale=smoke", f"debug={debug}", "steps=40")
    assert "finished: step 40 of 40" in done.stdout, done.stderr


@pytest.mark.real_data
@pytest.mark.parametrize("network", ["with_bn", "without_bn"])
def test_figure_1_presets_train_on_mnist(
    command_line: CommandLine, data_root: object, network: str
) -> None:
    done = command_line("train", f"experiment=fig1/{network}", "scale=laptop", "debug=two_steps")
    assert "finished: step 2 of 2" in done.stdout, done.stderr
