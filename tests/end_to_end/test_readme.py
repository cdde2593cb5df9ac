"""Every command of the README runs, two steps long, and every preset trains."""

import re
import shlex
from pathlib import Path

import pytest

from bnrepro.config.groups import header, options
from tests.conftest import ROOT, CommandLine
from tests.synthetic import write_run

README = (ROOT / "README.md").read_text()
COMMANDS = [
    line.partition("#")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("bnrepro ")
]
# Two steps on the embedded data stand for any run.
SHORT = ["scale=smoke", "data=digits", "debug=two_steps"]


def _shortened(command: str) -> list[str]:
    arguments = shlex.split(command)[1:]
    if arguments[0] == "train":
        chosen = [a for a in arguments if not a.startswith(("scale=", "data=", "debug=", "data."))]
        return [*chosen, *SHORT]
    return arguments


@pytest.mark.parametrize("command", COMMANDS)
def test_readme_command_runs(command_line: CommandLine, tmp_path: Path, command: str) -> None:
    if command.startswith(("bnrepro figure", "bnrepro report")):
        for network in ("with_bn", "without_bn"):
            command_line("train", f"experiment=fig1/{network}", *SHORT)
            write_run(tmp_path / "runs", f"fig1/{network}", {"test/accuracy": [0.1, 0.9]})
        arguments = [*shlex.split(command)[1:], "--scale", "smoke"]
        done = command_line(*arguments, *(SHORT[1:] if "figure" in command else []))
    elif command.startswith("bnrepro data fetch"):
        done = command_line("data", "fetch", "digits")
    else:
        done = command_line(*_shortened(command))
    assert done.returncode == 0, done.stderr


def test_readme_has_commands_to_run() -> None:
    assert len(COMMANDS) >= 5
    assert "sh scripts/quickstart.sh" in README
    assert "sh scripts/test.sh" in README


@pytest.mark.parametrize("experiment", options("experiment"))
def test_every_experiment_trains_and_is_headed(command_line: CommandLine, experiment: str) -> None:
    for mark in ("Command:", "Expected:", "Time:"):
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
    done = command_line("train", f"experiment=fig1/{network}", "debug=two_steps")
    assert "finished: step 2 of 2" in done.stdout, done.stderr
