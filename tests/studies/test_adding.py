"""A user's own study: one file, and every part of the program knows it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bnrepro.completion import complete_study
from bnrepro.config import preset, recipe_id
from bnrepro.dashboard.charts import find_places
from bnrepro.dashboard.layout import layout
from bnrepro.errors import UserError
from bnrepro.studies.registry import VARIABLE, study
from tests.conftest import CommandLine
from tests.synthetic import write_run

FILE = '''
"""Does a larger rate help the MNIST network with BN?"""

from bnrepro.measure.quantities import BEST, BEST_GAIN
from bnrepro.measure.verdict import Above
from bnrepro.studies.study import Claim, Column, Curves, Line, Study, Table

STUDY = Study(
    name="larger_rate",
    title="A larger rate",
    question="Does a larger rate help?",
    lines=(
        Line("as it is", "fig1/with_bn"),
        Line("x5", "fig1/with_bn", ("optim.lr_multiplier=5",), "#0072B2"),
    ),
    reference="as it is",
    panels=(Curves("test accuracy", ("accuracy",), "accuracy"),),
    table=Table((Column("best", BEST, ".3f"),)),
    claims=(
        Claim("rate", "own", "A larger rate is better", BEST_GAIN, Above(0), "x5", "as it is"),
    ),
)
'''

Cli = Callable[..., str]


@pytest.fixture
def cli(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command_line: CommandLine,
    command_line_process: CommandLine,
) -> Cli:
    """The command line beside three seeds of each line, judged at scale laptop."""
    folder = tmp_path / "studies"
    folder.mkdir()
    (folder / "larger_rate.py").write_text(FILE)
    monkeypatch.setenv(VARIABLE, str(folder))
    for seed in range(3):
        for overrides, best in (((), 0.8), (("optim.lr_multiplier=5",), 0.9)):
            curve = {"test/accuracy": [0.1, *[best] * 40]}
            write_run(tmp_path / "runs", "fig1/with_bn", curve, overrides, seed, scale="laptop")

    def run(*arguments: str) -> str:
        # Help names the studies that there were when the program started.
        start = command_line_process if "--help" in arguments else command_line
        done = start(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_it_is_twenty_lines() -> None:
    assert len(FILE.strip().splitlines()) <= 25


def test_lists_help_and_completion_know_it(cli: Cli) -> None:
    listed = json.loads(cli("list", "--json"))
    assert listed["study"]["larger_rate"] == "Does a larger rate help?"
    for command in ("reproduce", "figure"):
        assert "larger_rate" in cli(command, "--help")
    assert complete_study("la") == ["larger_rate"]


def test_figure_draws_it(cli: Cli, tmp_path: Path) -> None:
    drawn = json.loads(cli("figure", "larger_rate", "--scale", "laptop", "--json"))
    assert (drawn["not_run"], drawn["notes"]) == ([], [])
    folder = tmp_path / "reports" / "laptop" / "larger_rate"
    assert {file.name for file in folder.iterdir()} == {
        "bands.csv",
        "curves.csv",
        "larger_rate.md",
        "larger_rate.png",
        "larger_rate.svg",
        "setup.json",
        "table.csv",
    }


def test_report_and_page_show_and_judge_it(cli: Cli, tmp_path: Path) -> None:
    told = cli("report", "--scale", "laptop", "--html")
    assert "rate: reproduced" in told
    folder = tmp_path / "reports" / "laptop"
    text = (folder / "REPORT.md").read_text()
    assert "## A larger rate\n\nDoes a larger rate help?" in text
    assert "| x5 | 3 | 0.900 (0.900 to 0.900) |" in text
    assert "| own | A larger rate is better | **reproduced** | +10.00" in text
    assert "| larger_rate | x5 | mnist |" in text
    page = (folder / "report.html").read_text()
    assert 'id="larger_rate-0"' in page
    assert "A larger rate is better" in page
    assert "larger_rate" in (tmp_path / "reports" / "README.md").read_text()


def test_dashboard_has_its_charts(cli: Cli) -> None:
    del cli  # its folder of studies is what is looked at
    one = study("larger_rate")
    recipe = recipe_id(preset("fig1/with_bn", "smoke", "optim.lr_multiplier=5"))
    places = find_places([one], "smoke", {recipe})
    assert places.names(recipe) == ["larger_rate"]
    assert places.tags(recipe, ["test/accuracy"]) == {"test/accuracy": ["larger_rate/accuracy"]}
    shown = layout([one], others=False, averaged={"larger_rate"}, layers=[])
    content = shown.SerializeToString()
    assert b"A larger rate" in content
    assert b"larger_rate/accuracy" in content
    assert b"interval/larger_rate/low" in content


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ('reference="as it is"', 'reference="nobody"', "reference='nobody': no such line"),
        ('"x5", "as it is")', '"x5", "nobody")', "rate: reference='nobody': no such line"),
        ('("accuracy",)', '("acuracy",)', "series='acuracy': no such series"),
        ('"best", BEST,', '"best", BEST_GAIN.of_pair,', "'best': True is no quantity"),
    ],
)
def test_what_a_study_speaks_of_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, right: str, wrong: str, message: str
) -> None:
    assert FILE.count(right) == 1
    (tmp_path / "larger_rate.py").write_text(FILE.replace(right, wrong))
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(UserError, match=message):
        study("larger_rate")
