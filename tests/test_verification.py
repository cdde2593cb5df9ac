"""`bnrepro verify`, and what else is said of files that are not as they were written."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from bnrepro.cli import app
from bnrepro.config import RunConfig, load
from bnrepro.data import prepared_files
from bnrepro.errors import UserError
from bnrepro.inference.trained import load_trained
from bnrepro.reproduce import evidence_of
from bnrepro.runs import RunDirectory, State, find_runs, locate
from bnrepro.sweep import read_runs
from bnrepro.training import run
from bnrepro.verification import Verification, verify_all, verify_runs

QUIET = Console(file=io.StringIO())
OVERRIDES = [
    "experiment=fig1/with_bn",
    "scale=smoke",
    "steps=20",
    "evaluation.every=10",
    "evaluation.population_batches=2",
    "runtime.compile=off",
    "runtime.tensorboard=false",
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one finished run; nobody changes it."""
    runs = tmp_path_factory.mktemp("trained")
    run(load([*OVERRIDES, f"runtime.runs={runs}"]), QUIET)
    return runs


@pytest.fixture
def config(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunConfig:
    """Of a copy of the run, to be damaged."""
    monkeypatch.setattr("bnrepro.verification.prepared_sets", lambda: tmp_path / "sets")
    shutil.copytree(trained, tmp_path / "runs")
    return load([*OVERRIDES, f"runtime.runs={tmp_path / 'runs'}"])


@pytest.fixture
def directory(config: RunConfig) -> RunDirectory:
    return locate(config)


def _train(config: RunConfig) -> str:
    told = io.StringIO()
    run(config, Console(file=told, width=300))
    return told.getvalue()


def _flip_bit(file: Path, position: int) -> None:
    content = bytearray(file.read_bytes())
    content[position % len(content)] ^= 1
    file.write_bytes(bytes(content))


def _make_unfinished(directory: RunDirectory) -> None:
    status = json.loads(directory.status.read_text())
    directory.status.write_text(json.dumps(status | {"state": "preempted"}))


def test_whole_run_has_no_damage(directory: RunDirectory, config: RunConfig) -> None:
    assert verify_all(Path(config.runtime.runs)) == Verification(runs=1)


@pytest.mark.parametrize("part", [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize(
    "name",
    [
        "weights.safetensors",
        "metrics.jsonl",
        "histograms.jsonl",
        "digests.json",
        "checkpoint.pt",
        "config.yaml",
    ],
)
def test_flipped_bit_is_found_wherever_it_is(
    directory: RunDirectory, name: str, part: float
) -> None:
    file = directory.path / name
    _flip_bit(file, int(part * (file.stat().st_size - 1)))
    damage = verify_runs([directory]).damage
    assert damage, "not found"
    if name == "digests.json":  # what it would be compared with is gone
        return
    assert len(damage) == 1
    assert damage[0].startswith(f"{file}: ")


@pytest.mark.parametrize("name", ["weights.safetensors", "metrics.jsonl", "histograms.jsonl"])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda file: file.write_bytes(file.read_bytes()[:-1]), "cut off: "),
        (lambda file: file.write_bytes(file.read_bytes() + b"\n"), "1 bytes too long"),
        (lambda file: file.unlink(), "missing"),
    ],
)
def test_length_and_absence_are_damage(
    directory: RunDirectory, name: str, change: Callable[[Path], object], said: str
) -> None:
    file = directory.path / name
    change(file)
    (damage,) = verify_runs([directory]).damage
    assert damage.startswith(f"{file}: {said}")


def test_rows_behind_the_last_checkpoint_are_no_damage(directory: RunDirectory) -> None:
    _make_unfinished(directory)
    with directory.metrics.open("a") as file:
        file.write('{"step": 21}\n')
    assert verify_runs([directory]).damage == []


def test_run_of_an_earlier_version_is_read_as_before(
    directory: RunDirectory, config: RunConfig
) -> None:
    directory.digests.unlink()
    done = verify_runs([directory])
    assert done.damage == []
    assert done.notes == [f"{directory.path}: no digest: made by an earlier version"]
    load_trained(directory, "cpu", QUIET)
    directory.metrics.write_bytes(b"{}\n" + directory.metrics.read_bytes())
    assert verify_runs([directory]).damage == [f"{directory.metrics}: line 1 is no row with a step"]
    _make_unfinished(directory)
    assert "resumed at step 20" in _train(config)
    assert directory.digests.exists()


def test_altered_weights_are_refused_and_written_again(
    directory: RunDirectory, config: RunConfig
) -> None:
    before = directory.weights.read_bytes()
    _flip_bit(directory.weights, -5)
    with pytest.raises(UserError, match="altered or damaged since it was written") as refused:
        load_trained(directory, "cpu", QUIET)
    assert "\n" not in str(refused.value)
    assert "weights.safetensors was damaged: written again from the checkpoint" in _train(config)
    assert directory.weights.read_bytes() == before
    assert verify_runs([directory]) == Verification(runs=1)
    load_trained(directory, "cpu", QUIET)


@pytest.mark.parametrize("name", ["metrics.jsonl", "histograms.jsonl"])
def test_altered_rows_are_not_added_to(
    directory: RunDirectory, config: RunConfig, name: str
) -> None:
    _make_unfinished(directory)
    _flip_bit(directory.path / name, 20)
    altered = (directory.path / name).read_bytes()
    with pytest.raises(UserError, match=f"{name}: altered or damaged since it was written"):
        run(config, QUIET)
    assert (directory.path / name).read_bytes() == altered
    assert verify_runs([directory]).damage, "still known"


def test_diverged_run_is_covered_to_its_last_row(tmp_path: Path) -> None:
    unstable = ["norm=none", "model.activation=relu", "optim.lr=1e6"]
    outcome = run(load([*OVERRIDES, *unstable, f"runtime.runs={tmp_path}"]), QUIET)
    assert outcome.status.state is State.DIVERGED
    assert verify_runs([outcome.directory]).damage == []
    _flip_bit(outcome.directory.metrics, -2)
    assert len(verify_runs([outcome.directory]).damage) == 1


def test_damage_of_prepared_data_is_a_line_each(config: RunConfig, tmp_path: Path) -> None:
    folders = [prepared_files.set_folder(tmp_path / "sets", name) for name in "abc"]
    for folder in folders:
        folder.mkdir(parents=True)
        for split in prepared_files.SPLITS:
            prepared_files.images_file(folder, split).write_bytes(bytes(12))
        digest = prepared_files.sha256(prepared_files.images_file(folder, "train"))
        split = prepared_files.PreparedSplit([0], [], digest, [], [])
        splits = dict.fromkeys(prepared_files.SPLITS, split)
        index = prepared_files.Index("images", "pixels", 2, ["one"], ["one"], 0, {}, splits)
        prepared_files.write_index(folder, index)
    _flip_bit(prepared_files.images_file(folders[0], "val"), 3)
    _flip_bit(prepared_files.index_file(folders[1]), 90)
    done = verify_all(Path(config.runtime.runs))
    assert (done.runs, done.sets) == (1, 3)
    assert [line.split(": ")[0] for line in done.damage] == [
        str(folders[0] / "val.u8"),
        str(folders[1] / "index.json"),
    ]


def test_command_says_each_damage_and_exits_with_1(
    directory: RunDirectory, config: RunConfig
) -> None:
    command = ["verify", "--runs", config.runtime.runs]
    good = CliRunner().invoke(app, command)
    assert good.exit_code == 0
    assert good.output == "1 run(s), 0 prepared set(s): no damage\n"
    _flip_bit(directory.metrics, 5)
    _flip_bit(directory.weights, 5)
    bad = CliRunner().invoke(app, [*command, directory.path.name])
    assert bad.exit_code == 1
    assert bad.output.splitlines() == [
        f"damaged: {directory.metrics}: altered or damaged since it was written",
        f"damaged: {directory.weights}: altered or damaged since it was written",
        "1 run(s), 0 prepared set(s): 2 damaged files",
    ]
    assert len(json.loads(CliRunner().invoke(app, [*command, "--json"]).output)["damage"]) == 2


DAMAGED_CONFIGS = {
    "truncated": lambda content: content[: len(content) // 2],
    "empty": lambda _: b"",
    "binary": lambda _: bytes(range(256)),
    "no mapping": lambda _: b"- 1\n- 2\n",
    "keys missing": lambda _: b"version: 2\nconfig:\n  seed: 0\n",
    "provenance of another kind": lambda content: (
        content.partition(b"provenance:")[0] + b"provenance: 3\n"
    ),
}


@pytest.mark.parametrize("damage", DAMAGED_CONFIGS.values(), ids=DAMAGED_CONFIGS)
def test_damaged_config_is_said_in_a_line_and_recovered(
    directory: RunDirectory, config: RunConfig, damage: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    content = damage(directory.config.read_bytes())
    directory.config.write_bytes(content)
    runs = Path(config.runtime.runs)
    assert verify_all(runs).damage == [
        f"{directory.config}: damaged, or written by another version of bnrepro"
    ]
    assert list(read_runs(find_runs(runs))) == []
    status = CliRunner().invoke(app, ["status", "--runs", str(runs)])
    assert status.exit_code == 0, status.exception
    assert "1 run(s) left out: config.yaml is damaged" in status.output
    assert str(directory.path) in status.output
    listed = CliRunner().invoke(app, ["list", "--runs", str(runs), "--json"])
    assert listed.exit_code == 0, listed.exception
    with pytest.raises(UserError, match=r"config\.yaml: damaged") as refused:
        load_trained(directory, "cpu", QUIET)
    assert "\n" not in str(refused.value)
    with pytest.raises(UserError, match=r"no finished run .* config\.yaml is damaged") as nothing:
        evidence_of("fig1", "smoke", runs, tmp_path / "out", ["steps=20"])
    assert "\n" not in str(nothing.value)

    told = _train(config)
    assert "config.yaml was damaged: written again" in told
    assert verify_all(runs).damage == []
    assert (directory.path / "config.damaged.yaml").read_bytes() == content
    load_trained(directory, "cpu", QUIET)


def test_damaged_config_does_not_keep_a_run_from_going_on(
    directory: RunDirectory, config: RunConfig
) -> None:
    _make_unfinished(directory)
    directory.config.write_bytes(b"")
    told = _train(config)
    assert "config.yaml was damaged: written again" in told
    assert "resumed at step 20" in told
    assert verify_runs([directory]).damage == []
