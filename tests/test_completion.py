"""Completion through the shell's own mechanism."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from bnrepro.cli import app
from bnrepro.completion import complete_override, complete_run, complete_scale, complete_study
from bnrepro.config.groups import options
from bnrepro.studies.registry import VARIABLE, study_names
from tests.synthetic import write_run


def _names(incomplete: str) -> set[str]:
    return {name for name, _ in complete_override(incomplete)}


def test_experiments_groups_keys_and_choices_are_offered() -> None:
    assert {"experiment=fig1/with_bn", "experiment=fig1/without_bn"} <= _names("experiment=")
    assert {"experiment=", "data=", "optim.lr_multiplier=", "seed="} <= _names("")
    assert _names("model.activation=") == {"model.activation=sigmoid", "model.activation=relu"}
    assert "norm=batch_reference" in _names("norm=ba")
    assert _names("optim.lr=") == set()
    assert "data=fig1" not in _names("data="), "folders are no options"


def test_studies_and_scales_are_offered() -> None:
    assert complete_study("") == [*study_names(), "mechanisms"]
    assert complete_study("fig") == ["fig1", "fig2", "fig4"]
    scales = ["gpu", "imagenet128", "laptop", "lim0606", "paper", "smoke"]
    assert [name for name, _ in complete_scale("")] == scales
    assert [name for name, _ in complete_scale("la")] == ["laptop"]


def test_runs_are_offered_with_what_they_are(tmp_path: Path) -> None:
    curve = {"test/accuracy": [0.5]}
    name = write_run(tmp_path, "fig1/with_bn", curve, ["optim.lr=0.7"], seed=3).path.name
    context = typer.Context(typer.main.get_command(app))
    context.params["runs"] = tmp_path
    assert complete_run(context, name[:3]) == [(name, "fig1/with_bn seed=3 optim.lr=0.7")]
    assert complete_run(context, "x") == []


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes_ids_of_the_folder_that_was_named(tmp_path: Path) -> None:
    name = write_run(tmp_path / "mine", "fig1/with_bn", {"test/accuracy": [0.5]}).path.name
    assert _complete(f"bnrepro evaluate --runs mine {name[0]}", 4, tmp_path) == {name}


def test_folder_of_studies_that_is_not_there_breaks_no_shell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, "nowhere")
    assert complete_study("") == []


@pytest.mark.parametrize(
    ("words", "cursor", "expected"),
    [
        ("bnrepro train exp", 2, {"experiment="}),
        # bash splits words at the equals sign.
        ("bnrepro train experiment = fig1/wit", 4, {"fig1/with_bn", "fig1/without_bn"}),
        ("bnrepro train norm =", 3, {*options("norm")}),
        ("bnrepro tr", 1, {"train"}),
        ("bnrepro figure fi", 2, {"fig1", "fig2", "fig4"}),
    ],
)
def test_bash_completes(words: str, cursor: int, expected: set[str]) -> None:
    told = CliRunner().invoke(app, env=_as_bash_asks(words, cursor), prog_name="bnrepro")
    assert set(told.output.split()) == expected


def _as_bash_asks(words: str, cursor: int) -> dict[str, str]:
    return {
        "_BNREPRO_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(cursor),
    }


def _complete(words: str, cursor: int, folder: Path) -> set[str]:
    """What bash is offered, by a process of its own."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("bnrepro"))],
        env=os.environ | _as_bash_asks(words, cursor),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return set(done.stdout.split())


def test_completion_does_not_wait_for_torch() -> None:
    code = (
        "import sys; from bnrepro.completion import complete_override as c, complete_study; "
        "c('experiment='); c(''); complete_study(''); "
        "from bnrepro.completion import complete_run as r; import types; "
        "r(types.SimpleNamespace(params={}), ''); "
        "sys.exit(bool({'torch', 'matplotlib', 'plotly'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
