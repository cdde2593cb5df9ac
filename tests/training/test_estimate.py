"""What a run would take; the arithmetic, and one real measurement."""

import json

import pytest
from rich.console import Console
from typer.testing import CliRunner

from bnrepro.cli import app
from bnrepro.config import load
from bnrepro.errors import UserError
from bnrepro.training.estimate import Estimate, estimate_seconds


def _estimate(*overrides: str, read_ahead: bool = False, data: float | None = 0.25) -> Estimate:
    config = load(["scale=smoke", "steps=90", "evaluation.every=90", *overrides])
    return Estimate(config, 1.0, data, 10.0, read_ahead)


def test_time_is_that_of_steps_data_and_evaluations() -> None:
    assert _estimate().seconds == 90 * 1.25 + 2 * 10
    assert _estimate().data_share == pytest.approx(0.2)
    assert _estimate(read_ahead=True).data_share == 0
    assert _estimate(read_ahead=True, data=4.0).seconds == 90 * 4 + 2 * 10
    assert _estimate(data=None).data_share is None


def test_a_run_uses_as_many_devices_as_divide_its_groups() -> None:
    assert _estimate().on(8).gpus == 1
    assert _estimate("groups=6").on(4).gpus == 3
    assert _estimate("groups=6").on(3).seconds == 2 * 90 * 1.25 + 2 * 10


def test_price_is_for_all_devices_and_side_by_side_takes_as_long_as_the_longest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "bnrepro.training.estimate.estimate", lambda config, _: Estimate(config, 36.0, 0, 0, False)
    )
    command = ["estimate", "scale=smoke", "steps=100,300", "--gpus", "8", "--price", "2", "--json"]
    told = json.loads(CliRunner().invoke(app, command).stdout)
    assert [run["hours"] for run in told["runs"]] == [1, 3]
    assert told["all"] == {"gpus": 8, "hours": 3, "price": 8}


def test_data_that_are_not_here_are_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("BNREPRO_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    command = ["estimate", "data=imagenette", "model=cnn", "scale=smoke", "batch_size=2"]
    told = CliRunner().invoke(app, [*command, "data.stored_size=32", "runtime.device=cpu"])
    assert told.exit_code == 0
    assert "the data are not here" in told.stdout


def test_run_whose_data_are_not_here_cannot_be_planned(
    monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    monkeypatch.setenv("BNREPRO_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    overrides = ["data=imagenette", "model=cnn", "scale=smoke", "batch_size=2"]
    config = load([*overrides, "data.stored_size=32", "runtime.device=cpu"])
    with pytest.raises(UserError, match=r"data=imagenette|data\.root"):
        estimate_seconds(config, Console(quiet=True))
