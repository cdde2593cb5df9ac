import json
from pathlib import Path

import pytest

from bnrepro.errors import RunDeletedError
from bnrepro.training.measurement import Measurement
from bnrepro.training.observers import Recorder


def test_resumed_recorder_cuts_off_what_the_checkpoint_does_not_know(tmp_path: Path) -> None:
    metrics = tmp_path / "metrics.jsonl"
    with Recorder(metrics, 0) as first:
        first.on_row(Measurement({"step": 0}))
        position = first.position
        first.on_row(Measurement({"step": 1}))
    with Recorder(metrics, position) as second:
        second.on_row(Measurement({"step": 2, "train/loss": 2.0}))
    rows = [json.loads(line) for line in metrics.read_text().splitlines()]
    assert rows == [{"step": 0}, {"step": 2, "train/loss": 2.0}]


@pytest.mark.parametrize("made_anew", [False, True])
def test_file_that_was_deleted_is_not_taken_for_kept(tmp_path: Path, made_anew: bool) -> None:
    metrics = tmp_path / "metrics.jsonl"
    with Recorder(metrics, 0) as recorder:
        recorder.on_row(Measurement({"step": 0}))
        recorder.sync()
        metrics.unlink()
        if made_anew:
            metrics.write_text('{"step": 0}\n')
        with pytest.raises(RunDeletedError, match=r"metrics\.jsonl: deleted while"):
            recorder.sync()
