"""The commands of the pages on ImageNet and on clusters run, at small size."""

import io
import re
import shlex
from pathlib import Path

import pytest
import yaml

from bnrepro.config import load
from tests.conftest import ROOT, CommandLine
from tests.data.conftest import noise
from tests.data.official import write_archives
from tests.end_to_end import slurm
from tests.end_to_end.test_readme import SHORT, shortened

PAGES = ("imagenet", "cluster")
COMMANDS = [
    line
    for page in PAGES
    for block in re.findall(
        r"```sh\n(.*?)```", (ROOT / "docs" / f"{page}.md").read_text(), re.DOTALL
    )
    for line in block.splitlines()
]
# Of which there are too many, or which are too large, for a test.
LEFT_OUT = ("seed=", "inception_steps=", "runtime.processes=", "groups=")


@pytest.fixture
def imagenet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Archives of two classes."""
    file = io.BytesIO()
    noise().save(file, "jpeg")
    train = {name: [file.getvalue()] * 2 for name in ("n01440764", "n01443537")}
    monkeypatch.setenv("BNREPRO_DATA", str(tmp_path / "data"))
    write_archives(
        tmp_path / "data" / "imagenet", train, [(name, file.getvalue()) for name in train]
    )


@pytest.mark.usefixtures("imagenet")
@pytest.mark.parametrize("command", COMMANDS)
def test_command_runs(
    command_line: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    if "--ray" in command:
        pytest.importorskip("ray")
    if "--slurm" in command:
        slurm.install(tmp_path / "bin")
        monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    arguments = [one for one in shortened(command) if not one.startswith(LEFT_OUT)]
    if arguments[0] == "estimate":
        arguments += SHORT
    if "RUN" in arguments:
        run = command_line("train", "experiment=fig2/bn_x5", *SHORT, "--json")
        assert run.returncode == 0, run.stderr
        arguments[arguments.index("RUN")] = next((tmp_path / "runs" / "fig2").glob("*/*")).name
    done = command_line(*arguments)
    if arguments[0] == "figure":  # its runs would take weeks: it is understood, and says so
        assert "no finished run at scale=" in done.stderr
    else:
        assert done.returncode == 0, done.stderr


def test_job_of_skypilot_runs_what_composes() -> None:
    page = (ROOT / "docs" / "cluster.md").read_text()
    [block] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    command = shlex.split(yaml.safe_load(block)["run"].splitlines()[-1])
    assert command[:2] == ["bnrepro", "train"]
    config = load(command[2:])
    assert (config.scale, config.runtime.runs) == ("paper", "/shared/runs")
