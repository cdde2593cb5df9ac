from pathlib import Path

from bnrepro.runs import Histogram, read_histograms
from bnrepro.training.measurement import Measurement
from bnrepro.training.observers import HistogramRecorder


def _write(path: Path, step: int | None, steps: list[int]) -> None:
    recorder = HistogramRecorder(path, step)
    for at in steps:
        recorder.on_row(Measurement({}, (Histogram(at, "hidden.0", -1.0, 1.0, [at, 1]),)))


def _steps(path: Path) -> list[int]:
    return [histogram.step for histogram, _ in read_histograms(path)]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "histograms.jsonl"
    histograms = (Histogram(20, "conv", -0.25, 3.5, [1, 2]), Histogram(20, "hidden", 0, 1, [3, 4]))
    HistogramRecorder(path, None).on_row(Measurement({}, histograms))
    assert tuple(histogram for histogram, _ in read_histograms(path)) == histograms


def test_row_without_histograms_makes_no_file(tmp_path: Path) -> None:
    path = tmp_path / "histograms.jsonl"
    HistogramRecorder(path, None).on_row(Measurement({"step": 0}))
    assert not path.exists()


def test_resumed_run_cuts_off_what_its_checkpoint_does_not_know(tmp_path: Path) -> None:
    path = tmp_path / "histograms.jsonl"
    _write(path, None, [0, 20, 40])
    _write(path, 20, [40, 60])
    assert _steps(path) == [0, 20, 40, 60]
    with path.open("a") as file:
        file.write('{"step": 80, "lay')
    _write(path, 60, [80])
    assert _steps(path) == [0, 20, 40, 60, 80]
    _write(path, None, [0])
    assert _steps(path) == [0], "started again without a checkpoint"
