import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from bnrepro.cli import app
from tests.conftest import ROOT, CommandLine
from tests.synthetic import write_run

COMMANDS = [
    ["train"],
    ["list"],
    ["config"],
    ["figure"],
    ["report"],
    ["dashboard"],
    ["evaluate"],
    ["export"],
    ["predict"],
    ["doctor"],
    ["verify"],
    ["sweep"],
    ["compare"],
    ["status"],
    ["estimate"],
    ["reproduce"],
    ["data", "list"],
    ["data", "fetch"],
    ["data", "verify"],
    ["data", "prepare"],
]
TINY = ["scale=smoke", "debug=two_steps"]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_three_examples(command: list[str]) -> None:
    shown = CliRunner().invoke(app, [*command, "--help"]).output
    examples = shown.partition("Examples")[2]
    assert examples.count("bnrepro ") == 3


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from bnrepro.cli import app; from typer.testing import CliRunner; "
        "CliRunner().invoke(app, ['train', '--help']); "
        "sys.exit(bool({'torch', 'hydra', 'numpy', 'matplotlib'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_config_prints_what_train_would_do(command_line: CommandLine) -> None:
    shown = json.loads(command_line("config", "optim.lr_multiplier=30", "--json").stdout)
    assert shown["config"]["optim"]["lr_multiplier"] == 30
    assert len(shown["run_id"]) == 12
    assert "lr_multiplier: 30" in command_line("config", "optim.lr_multiplier=30").stdout
    explained = command_line("config", "--explain").stdout
    assert "optim.lr_multiplier" in explained
    assert "x5 and x30" in explained
    fields = json.loads(command_line("config", "--explain", "--json").stdout)
    assert {"key", "value", "meaning"} == set(fields[0])


@pytest.mark.parametrize(
    "command", [["train", "steps=0"], ["config", "seed=3"], ["verify", "nowhere"]]
)
def test_a_process_of_its_own_says_the_same(
    command_line: CommandLine, command_line_process: CommandLine, command: list[str]
) -> None:
    here, there = (run(*command) for run in (command_line, command_line_process))
    assert (here.returncode, here.stdout) == (there.returncode, there.stdout)
    assert here.stderr == there.stderr


def test_list_counts_runs(command_line: CommandLine) -> None:
    command_line("train", "experiment=fig1/with_bn", *TINY)
    listed = json.loads(command_line("list", "--json").stdout)
    assert listed["runs"]["experiment"] == {"fig1/with_bn": {"finished": 1}}
    assert listed["runs"]["scale"] == {"smoke": {"finished": 1}}
    assert listed["runs"]["data"] == {"digits": {"finished": 1}}
    assert listed["experiment"]["fig1/with_bn"].startswith("Figure 1(a, c)")
    assert list(listed["study"])[:3] == ["fig1", "fig2", "fig4"]
    assert listed["study"]["fig1"].endswith("?")
    assert "1 finished" in command_line("list").stdout


def test_train_reports_to_people_and_to_scripts(command_line: CommandLine, tmp_path: Path) -> None:
    told = command_line("train", *TINY)
    assert told.returncode == 0, told.stderr
    assert "finished: step 2 of 2, last test accuracy 0." in told.stdout
    again = command_line("train", *TINY, "--json")
    values = json.loads(again.stdout)
    assert values["state"] == "finished"
    assert values["already_done"] is True
    assert (tmp_path / values["directory"] / "metrics.jsonl").is_file()


def test_divergence_exits_0_with_a_plain_statement(command_line: CommandLine) -> None:
    told = command_line(
        "train", "scale=smoke", "norm=none", "model.activation=relu", "optim.lr=1e6"
    )
    assert told.returncode == 0
    assert "diverged: step" in told.stdout
    assert "a result, not an error" in told.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["train", "optim.lrr=1"], "error: optim.lrr=1: no such key here; did you mean optim.lr?"),
        (["train", "steps=0"], "error: steps=0: must be at least 1"),
        (["reproduce", "fig7"], "error: fig7: no such study; did you mean fig"),
        (["reproduce", "zzz"], "error: zzz: no such study; choose from fig1, fig2, fig4, "),
        (["reproduce", "fig1", "--scale", "huge"], "error: scale=huge: no such option"),
        (["sweep", "seed=1,2", "steps=0"], "error: steps=0: must be at least 1"),
        (["sweep", "seed=range(0)"], "error: seed=range(0): lists no value"),
        (["sweep", "+hydra.verbos=true"], "error: +hydra.verbos=true: no such key here"),
        (["figure", "fig7"], "error: fig7: no such study; did you mean fig"),
        (["figure", "fig1"], "error: fig1: no finished run at scale=smoke under runs; `bnrepro re"),
        (
            ["figure", "fig1", "steps=20", "model.hidden=[3, 4]"],
            "error: fig1: no finished run at scale=smoke under runs; `bnrepro sweep "
            "experiment=fig1/without_bn,fig1/with_bn scale=smoke steps=20 'model.hidden=[3, 4]'` ",
        ),
        (["figure", "fig1", "--scale", "huge"], "error: scale=huge: no such option"),
        (["report"], "error: no finished run at scale=smoke; `bnrepro reproduce --scale smoke`"),
        (["report", "--scale", "huge"], "error: scale=huge: no such option"),
        (["dashboard", "--scale", "huge"], "error: --scale huge: no such scale; choose from"),
        (["dashboard", "--no-open"], "error: runs: no run at scale=smoke; `bnrepro train"),
        (["data", "prepare", "mnits"], "error: mnits: no such data set; choose from digits,"),
        (
            ["data", "prepare", "image_folder", "data.folder=nowhere"],
            "error: data.folder=nowhere: no such folder, looked for as",
        ),
        (["train", "experiment=nowhere.yaml"], "error: nowhere.yaml: cannot be read (No such file"),
        (["compare", "seed=range(0)"], "error: seed=range(0): lists no value"),
        (["status", "--filter", "lr=1"], "error: lr: no such key; did you mean optim.lr?"),
        (
            ["data", "fetch", "mnits"],
            "error: mnits: no such data set; choose from digits,",
        ),
    ],
)
def test_user_errors_are_one_line_and_exit_2(
    command_line: CommandLine, tmp_path: Path, arguments: list[str], told: str
) -> None:
    done = command_line(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(told)
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_debug_shows_the_traceback(command_line: CommandLine) -> None:
    done = command_line("train", "steps=0", "--debug")
    assert done.returncode != 0
    assert "Traceback" in done.stderr


def test_doctor_and_data_list_say_what_is_missing(command_line: CommandLine) -> None:
    findings = json.loads(command_line("doctor", "--json").stdout)
    subjects = {finding["subject"] for finding in findings}
    assert {"python", "torch", "device", "cpu cores", "data mnist", "free disk"} <= subjects
    assert json.loads(command_line("data", "list", "--json").stdout)["digits"] == "embedded"


def test_figure_is_drawn_with_what_there_is(command_line: CommandLine, tmp_path: Path) -> None:
    command_line("train", "steps=20")
    done = command_line("figure", "fig1", "steps=20")
    assert done.returncode == 0, done.stderr
    command = "`bnrepro sweep experiment=fig1/without_bn scale=smoke steps=20`"
    assert f"not run: without BN; {command} runs them" in done.stdout, "reproduce has other steps"
    folder = tmp_path / "reports" / "smoke" / "fig1,steps=20"
    assert {file.name for file in folder.iterdir()} == {
        "bands.csv",
        "curves.csv",
        "fig1.md",
        "fig1.png",
        "fig1.svg",
        "setup.json",
        "table.csv",
    }


def test_figure_says_what_it_left_out(command_line: CommandLine, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    write_run(runs, "fig1/with_bn", {"test/accuracy": [0.1, 0.9]})
    damaged = write_run(runs, "fig1/with_bn", {"test/accuracy": [0.1, 0.8]}, seed=1)
    with damaged.metrics.open("a") as file:
        file.write('{"step": 7\n')
    unreadable = write_run(runs, "fig1/with_bn", {"test/accuracy": [0.1, 0.9]}, seed=2)
    unreadable.config.write_text("config: [")
    done = command_line("figure", "fig1", "--json")
    assert done.returncode == 0, done.stderr
    notes = json.loads(done.stdout)["notes"]
    assert len(notes) == 2
    assert notes[0].startswith("1 run(s) left out: config.yaml is damaged")
    assert notes[1].endswith("metrics.jsonl: 1 row skipped: line 3 is no JSON row")
    assert done.stderr.splitlines() == [f"note: {note}" for note in notes]
    setup = json.loads((tmp_path / "reports" / "smoke" / "fig1" / "setup.json").read_text())
    assert setup["lines"]["with BN"]["seeds"] == [0, 1], "the damaged run is kept"


def test_report_tells_people_and_scripts_the_verdicts(
    command_line: CommandLine, tmp_path: Path
) -> None:
    for network, accuracy in (("with_bn", 0.81), ("without_bn", 0.8)):
        for seed in range(3):
            curve = {"test/accuracy": [0.1, *[accuracy] * 40]}
            write_run(tmp_path / "runs", f"fig1/{network}", curve, seed=seed, scale="laptop")
    done = command_line("report", "--scale", "laptop")
    assert done.returncode == 0, done.stderr
    assert "mnist_higher: reproduced" in done.stdout
    assert "lines of studies not run; `bnrepro reproduce all --scale laptop`" in done.stdout
    values = json.loads(command_line("report", "--scale", "laptop", "--json").stdout)
    assert values["verdicts"]["mnist_higher"] == "reproduced"
    assert "fig2: BN-x5" in values["not_run"]
    assert "reports/laptop/REPORT.md" in values["files"]
    assert not (tmp_path / "reports" / "laptop" / "report.html").exists(), "not asked for"


def test_bare_commands_speak_of_the_same_run(command_line: CommandLine) -> None:
    config = json.loads(command_line("config", "--json").stdout)
    trained = json.loads(command_line("train", "steps=20", "--json").stdout)
    changed = json.loads(command_line("config", "steps=20", "--json").stdout)
    assert trained["directory"].endswith(f"fig1/with_bn/{changed['run_id']}")
    assert config["config"]["scale"] == changed["config"]["scale"] == "smoke"


def test_version_is_the_projects() -> None:
    import tomllib

    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert CliRunner().invoke(app, ["--version"]).output.strip() == declared


def test_image_folder_is_prepared_ahead_of_its_first_run(
    command_line: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for file in ("train/a/0.png", "train/b/0.png", "val/a/0.png", "val/b/0.png"):
        path = tmp_path / "images" / file
        path.parent.mkdir(parents=True)
        Image.new("RGB", (40, 40), file.count("b") * 99).save(path)
    prepare = ("data", "prepare", "image_folder", f"data.folder={tmp_path / 'images'}", "--json")
    folder = Path(json.loads(command_line(*prepare).stdout)["folder"])
    assert (folder / "train.u8").stat().st_size == 2 * 3 * 64 * 64
    assert "nothing to prepare" in command_line("data", "prepare", "digits").stdout


def test_status_shows_every_run(command_line: CommandLine) -> None:
    assert "no run under runs" in command_line("status").stdout
    command_line("train", "experiment=fig1/with_bn", *TINY)
    rows = json.loads(command_line("status", "--json").stdout)
    assert [(row["experiment"], row["state"]) for row in rows] == [("fig1/with_bn", "finished")]
    assert "1 of 1 done: 1 finished" in command_line("status").stdout


def test_dry_run_starts_nothing(command_line: CommandLine, tmp_path: Path) -> None:
    told = command_line("sweep", "experiment=fig1/with_bn,fig1/without_bn", *TINY, "--dry-run")
    assert "0 of 2 done: 2 waiting" in told.stdout, told.stderr
    assert "one worker: 0:00:" in told.stdout
    assert not (tmp_path / "runs").exists()
