from pathlib import Path

import numpy as np
import torch

from bnrepro.runs import read_histograms
from bnrepro.training.histograms import HistogramRecorder


def _write(path: Path, step: int | None, steps: list[int]) -> None:
    recorder = HistogramRecorder(path, step)
    for at in steps:
        recorder.observe("hidden.0", torch.full((4, 5), float(at)))
        recorder.write(at)


def _steps(path: Path) -> list[int]:
    return [histogram.step for histogram, _ in read_histograms(path)]


def test_histogram_holds_the_values(tmp_path: Path) -> None:
    path = tmp_path / "histograms.jsonl"
    recorder = HistogramRecorder(path, None)
    inputs = torch.randn(300, 40, generator=torch.Generator().manual_seed(0))
    recorder.observe("hidden.2", inputs)
    assert not path.exists(), "nothing is written before its row is"
    recorder.write(250)
    [(found, _)] = read_histograms(path)
    assert (found.step, found.layer) == (250, "hidden.2")
    assert sum(found.counts) == inputs.numel()
    assert (found.low, found.high) == (inputs.min().item(), inputs.max().item())
    counts, _ = np.histogram(inputs.numpy(), bins=len(found.counts))
    assert found.counts == counts.tolist()


def test_large_layer_is_sampled_in_all_its_units(tmp_path: Path) -> None:
    path = tmp_path / "histograms.jsonl"
    recorder = HistogramRecorder(path, None)
    recorder.observe("conv", torch.arange(100.0).repeat(1_000, 1))
    recorder.write(0)
    [(found, _)] = read_histograms(path)
    assert (found.low, found.high) == (0, 99)
    assert sum(found.counts) <= 20_000
    assert min(found.counts) > 0


def test_inputs_that_are_not_finite_have_none(tmp_path: Path) -> None:
    path = tmp_path / "histograms.jsonl"
    recorder = HistogramRecorder(path, None)
    recorder.observe("hidden.0", torch.tensor([[1.0, float("inf")]]))
    recorder.write(0)
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
