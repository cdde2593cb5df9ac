"""Runs found by what they compute, whatever they were called."""

import hashlib
import json
from pathlib import Path

import pytest
import yaml

from bnrepro.config import STORED_VERSION, RunConfig, preset, read_stored, run_id, seal
from bnrepro.errors import UserError
from bnrepro.runs import (
    RunDirectory,
    State,
    count_runs,
    find_run,
    find_runs,
    left_out,
    locate,
    write_config,
)
from bnrepro.runs.ended import EndedRuns
from tests.synthetic import PROVENANCE, config_of, write_run

CURVE = {"test/accuracy": [0.1, 0.5, 0.9]}
TOLD = preset("fig1/with_bn", "smoke")


def _id_of_version_1(config: RunConfig) -> str:
    """What version 1 named a run: its labels were part of it."""
    values = config.model_dump(
        mode="json", exclude={"runtime": True, "data": {"root"}}, exclude_defaults=True
    )
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def _make_version_1(directory: RunDirectory) -> RunDirectory:
    """A run directory as version 1 left it."""
    content = yaml.safe_load(directory.config.read_text())
    del content["version"]
    for later in ("budget",):
        del content["config"][later]
    stored = read_stored(directory.config)
    assert stored
    content["run_id"] = _id_of_version_1(stored[0])
    directory.config.write_text(yaml.safe_dump(content, sort_keys=False))
    return RunDirectory(directory.path.rename(directory.path.with_name(content["run_id"])))


def test_new_run_lies_where_its_name_says(tmp_path: Path) -> None:
    config = config_of(tmp_path, "fig1/with_bn")
    assert locate(config).path == tmp_path / "fig1" / "with_bn" / run_id(config)


def test_run_of_version_1_is_found(tmp_path: Path) -> None:
    old = _make_version_1(write_run(tmp_path, "fig1/with_bn", CURVE))
    config = config_of(tmp_path, "fig1/with_bn")
    assert old.path.name != run_id(config)
    assert locate(config).path == old.path
    assert locate(config.model_copy(update={"seed": 1})).path != old.path
    [run] = EndedRuns(tmp_path).of(config)
    assert run.directory.path == old.path


def test_run_of_version_1_is_still_found_once_it_was_resumed(tmp_path: Path) -> None:
    old = _make_version_1(write_run(tmp_path, "fig1/with_bn", CURVE))
    config = config_of(tmp_path, "fig1/with_bn")
    assert locate(config).path == old.path
    write_config(old, config, [PROVENANCE])  # as whoever resumes it does
    assert locate(config).path == old.path


def test_same_computation_under_another_experiments_name_is_the_same_run(tmp_path: Path) -> None:
    made = write_run(tmp_path, "fig1/without_bn", CURVE, ["norm=batch"])
    assert locate(config_of(tmp_path, "fig1/with_bn")).path == made.path
    [run] = EndedRuns(tmp_path).of(TOLD)
    assert run.config.experiment == "fig1/without_bn"


def test_runs_are_listed_in_a_fixed_order(tmp_path: Path) -> None:
    for seed in range(3):
        write_run(tmp_path, "fig1/with_bn", CURVE, seed=seed)
    paths = [directory.path for directory in find_runs(tmp_path)]
    assert paths == sorted(paths)
    assert count_runs(tmp_path).by_group["experiment"] == {"fig1/with_bn": {State.FINISHED: 3}}


def test_run_that_cannot_be_read_is_counted_as_such(tmp_path: Path) -> None:
    _, bad = [write_run(tmp_path, "fig1/with_bn", CURVE, seed=seed) for seed in range(2)]
    bad.config.write_text("config: [")
    counts = count_runs(tmp_path)
    assert counts.by_group["experiment"] == {"fig1/with_bn": {State.FINISHED: 1}}
    assert counts.unreadable == [bad.path]
    assert left_out(counts.unreadable).startswith("1 run(s) left out")


def test_run_is_found_by_its_path_and_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    directories = [write_run(tmp_path, "fig1/with_bn", CURVE, seed=seed) for seed in range(17)]
    for directory in directories:
        name = directory.path.name
        shortest = next(
            name[:length]
            for length in range(1, 13)
            if sum(one.path.name.startswith(name[:length]) for one in directories) == 1
        )
        assert find_run(shortest, tmp_path).path == directory.path
        assert find_run(name, tmp_path).path == directory.path
        assert find_run(str(directory.path), Path("nowhere")).path == directory.path


def test_beginning_of_several_ids_lists_them(tmp_path: Path) -> None:
    # Of 17 ids two begin with the same of 16 digits.
    paths = [write_run(tmp_path, "fig1/with_bn", CURVE, seed=seed).path for seed in range(17)]
    digits = [path.name[0] for path in paths]
    common = next(digit for digit in digits if digits.count(digit) > 1)
    alike = sorted(path for path in paths if path.name[0] == common)
    with pytest.raises(UserError, match=f"^{common}: {len(alike)} runs begin so") as told:
        find_run(common, tmp_path)
    assert str(alike[0]) in str(told.value)
    assert str(alike[1]) in str(told.value)
    assert "\n" not in str(told.value)


def test_unknown_id_names_a_near_one(tmp_path: Path) -> None:
    name = write_run(tmp_path, "fig1/with_bn", CURVE).path.name
    with pytest.raises(UserError, match=f"nor a run's id under .*; did you mean {name}"):
        find_run("x" + name[1:], tmp_path)
    with pytest.raises(UserError, match="`bnrepro status --runs D` shows the runs"):
        find_run("nothing", tmp_path)


def test_run_of_version_1_answers_to_both_its_names(tmp_path: Path) -> None:
    old = _make_version_1(write_run(tmp_path, "fig1/with_bn", CURVE))
    today = run_id(config_of(tmp_path, "fig1/with_bn"))
    assert find_run(today, tmp_path).path == old.path
    assert find_run(old.path.name[:6], tmp_path).path == old.path


def test_seeds_of_one_recipe_are_read_in_their_order(tmp_path: Path) -> None:
    for seed in (2, 0, 1):
        write_run(tmp_path, "fig1/with_bn", CURVE, seed=seed, diverged=seed == 1)
    write_run(tmp_path, "fig1/with_bn", CURVE, ["optim.lr=0.3"])
    runs = EndedRuns(tmp_path).of(TOLD)
    assert [(run.seed, run.diverged) for run in runs] == [(0, False), (1, True), (2, False)]
    assert runs[0].accuracy.tolist() == CURVE["test/accuracy"]
    assert runs[0].chance == 0.1


def test_unfinished_runs_are_left_out(tmp_path: Path) -> None:
    directory = write_run(tmp_path, "fig1/with_bn", CURVE)
    status = json.loads(directory.status.read_text()) | {"state": State.PREEMPTED}
    directory.status.write_text(json.dumps(status))
    ended = EndedRuns(tmp_path)
    assert ended.of(TOLD) == []
    assert ended.notes == []


@pytest.mark.parametrize("damage", ["config: [", "config: {experiment: fig1/with_bn}\n", ""])
def test_config_that_cannot_be_read_is_counted_and_said(tmp_path: Path, damage: str) -> None:
    write_run(tmp_path, "fig1/with_bn", CURVE)
    for seed in (1, 2):
        write_run(tmp_path, "fig1/with_bn", CURVE, seed=seed).config.write_text(damage)
    ended = EndedRuns(tmp_path)
    for _ in range(2):
        assert [run.seed for run in ended.of(TOLD)] == [0]
    [note] = ended.notes
    assert note.startswith("2 run(s) left out: config.yaml is damaged, or of a version")


def test_config_of_a_later_version_is_not_guessed_at(tmp_path: Path) -> None:
    directory = write_run(tmp_path, "fig1/with_bn", CURVE)
    text, _, _ = directory.config.read_text().partition("# sha256")
    later = text.replace(f"version: {STORED_VERSION}", f"version: {STORED_VERSION + 1}")
    directory.config.write_text(seal(later))
    assert read_stored(directory.config) is None


def test_run_without_rows_is_said(tmp_path: Path) -> None:
    write_run(tmp_path, "fig1/with_bn", CURVE).metrics.unlink()
    ended = EndedRuns(tmp_path)
    assert ended.of(TOLD) == []
    assert ended.notes[0].endswith("left out, metrics.jsonl holds no row")


@pytest.mark.parametrize(
    ("line", "damage"),
    [
        (b'{"step": 7', "line 4 is no JSON row"),
        (b"\xff\xfe", "line 4 is no JSON row"),
        (b'{"loss": 7}', "line 4 is no row with a step"),
        (b'{"step": 30, "test/accuracy": "0.9"}', "line 4 holds what is no number"),
        (b'{"step": 20, "test/accuracy": 0.2}', "line 4 is not beyond the step before it"),
    ],
)
def test_damaged_row_is_skipped_and_named(tmp_path: Path, line: bytes, damage: str) -> None:
    directory = write_run(tmp_path, "fig1/with_bn", CURVE)
    with directory.metrics.open("ab") as file:
        file.write(line + b'\n{"step": 40, "test/accuracy": 0.95}\n')
    ended = EndedRuns(tmp_path)
    [run] = ended.of(TOLD)
    assert ended.notes == [f"{directory.metrics}: 1 row skipped: {damage}"]
    assert run.accuracy.tolist() == [0.1, 0.5, 0.9, 0.95], "the rest of it is kept"
