import json
from pathlib import Path

import pytest
import torch

from bnrepro.errors import RunDeletedError
from bnrepro.training.recorder import DivergedError, Recorder


def test_row_holds_the_mean_since_the_last_row(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "metrics.jsonl", 0, torch.zeros(0))
    for loss in (1.0, 2.0, 6.0):
        recorder.observe(torch.tensor(loss))
    assert recorder.mean_loss(step=3) == 3.0
    recorder.observe(torch.tensor(8.0))
    assert recorder.mean_loss(step=4) == 8.0
    recorder.close()


def test_resumed_recorder_cuts_off_what_the_checkpoint_does_not_know(tmp_path: Path) -> None:
    metrics = tmp_path / "metrics.jsonl"
    first = Recorder(metrics, 0, torch.zeros(0))
    first.write({"step": 0})
    position = first.position
    first.observe(torch.tensor(1.0))
    losses = first.losses
    first.write({"step": 1})
    first.close()
    second = Recorder(metrics, position, losses)
    second.observe(torch.tensor(3.0))
    second.write({"step": 2, "train/loss": second.mean_loss(step=2)})
    second.close()
    rows = [json.loads(line) for line in metrics.read_text().splitlines()]
    assert rows == [{"step": 0}, {"step": 2, "train/loss": 2.0}]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_first_step_that_is_not_finite_is_named(tmp_path: Path, bad: float) -> None:
    recorder = Recorder(tmp_path / "metrics.jsonl", 0, torch.zeros(0))
    for loss in (1.0, 2.0, bad, float("nan")):
        recorder.observe(torch.tensor(loss))
    with pytest.raises(DivergedError, match="the loss is not finite at step 103") as diverged:
        recorder.mean_loss(step=104)
    assert diverged.value.step == 103
    recorder.close()


@pytest.mark.parametrize("made_anew", [False, True])
def test_file_that_was_deleted_is_not_taken_for_kept(tmp_path: Path, made_anew: bool) -> None:
    metrics = tmp_path / "metrics.jsonl"
    with Recorder(metrics, 0, torch.zeros(0)) as recorder:
        recorder.write({"step": 0})
        recorder.sync()
        metrics.unlink()
        if made_anew:
            metrics.write_text('{"step": 0}\n')
        with pytest.raises(RunDeletedError, match=r"metrics\.jsonl: deleted while"):
            recorder.sync()
