"""A run in one process: states, resuming, refusals. Kills are in end_to_end."""

import errno
import io
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from rich.console import Console
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from bnrepro.config import RunConfig, run_path
from bnrepro.config.groups import options
from bnrepro.data.batches import TrainingBatches
from bnrepro.errors import RunDeletedError, RunFailedError, UserError
from bnrepro.runs import RunDirectory, State, read_rows
from bnrepro.training import run
from bnrepro.training.evaluator import Evaluator
from bnrepro.training.measurement import Measurement

SmallRun = Callable[..., RunConfig]


def _run(config: RunConfig):
    told = io.StringIO()
    outcome = run(config, Console(file=told, width=200))
    return outcome, told.getvalue()


def _files(directory: RunDirectory) -> tuple[bytes, ...]:
    kept = (directory.metrics, directory.weights, directory.histograms)
    return tuple(file.read_bytes() for file in kept)


def test_run_leaves_what_the_design_promises(small_run: SmallRun) -> None:
    config = small_run("seed=4")
    outcome, _ = _run(config)
    directory = outcome.directory
    assert directory.path == run_path(config)
    assert outcome.status.state is State.FINISHED
    written = yaml.safe_load(directory.config.read_text())
    assert written["config"]["seed"] == 4
    assert written["provenance"][0]["torch"] == torch.__version__
    rows = list(read_rows(directory.metrics))
    assert [row["step"] for row in rows if "test/accuracy" in row] == [0, 20, 40, 60]
    assert [row["step"] for row in rows if "train/loss" in row] == [10, 20, 30, 40, 50, 60]
    assert "hidden.2.norm.running_mean" in load_file(directory.weights)
    assert "eager" in directory.log.read_text()
    assert rows[-1]["train/loss"] < rows[1]["train/loss"]


def test_comparing_statistics_changes_nothing_else(small_run: SmallRun) -> None:
    plain, _ = _run(small_run("evaluation.at=[3,30]"))
    measures = "measures=[activation_inputs,activation_histograms,evaluation_statistics]"
    compared, _ = _run(small_run("evaluation.at=[3,30]", measures))
    assert compared.directory.path != plain.directory.path
    assert compared.directory.weights.read_bytes() == plain.directory.weights.read_bytes()
    assert compared.directory.histograms.read_bytes() == plain.directory.histograms.read_bytes()
    rows = list(read_rows(plain.directory.metrics))
    assert [row["step"] for row in rows if "test/accuracy" in row] == [0, 3, 20, 30, 40, 60]
    for row, longer in zip(rows, read_rows(compared.directory.metrics), strict=True):
        assert {tag: longer[tag] for tag in row} == row
        assert ("test/batch_2/accuracy" in longer) == ("test/accuracy" in row)


def test_tensorboard_shows_the_same_rows(small_run: SmallRun) -> None:
    outcome, _ = _run(small_run())
    events = EventAccumulator(str(outcome.directory.tensorboard)).Reload()
    shown = [(e.step, pytest.approx(e.value)) for e in events.Scalars("test/accuracy")]
    rows = read_rows(outcome.directory.metrics)
    assert shown == [(r["step"], r["test/accuracy"]) for r in rows if "test/accuracy" in r]


def test_finished_run_returns_at_once(small_run: SmallRun) -> None:
    config = small_run()
    first, _ = _run(config)
    before = _files(first.directory)
    again, _ = _run(config)
    assert again.already_done
    assert _files(again.directory) == before


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ("norm=none", "optim.momentum=0.9", "record.every=7", "evaluation.every=11"),
        ("norm=batch_reference", "evaluation.statistics=moving", "model.activation=relu"),
        ("model=cnn", "norm=group", "steps=40", "evaluation.every=40"),
        ("measures=[evaluation_statistics,activation_histograms]", "evaluation.at=[1,13]"),
        ("runtime.compile=on",),
    ],
)
def test_interrupted_at_any_step_it_ends_as_if_never_stopped(
    small_run: SmallRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overrides: tuple[str, ...]
) -> None:
    straight, _ = _run(small_run(*overrides))

    config = small_run(*overrides, f"runtime.runs={tmp_path / 'interrupted'}")

    class _Killed(BaseException):
        pass

    for stop_at in (1, 13, 14):
        remaining = iter(range(stop_at))
        ingredients = TrainingBatches.ingredients

        def kill(self: TrainingBatches, step: int, remaining=remaining, ingredients=ingredients):
            if next(remaining, None) is None:
                raise _Killed
            return ingredients(self, step)

        with monkeypatch.context() as patched:
            patched.setattr(TrainingBatches, "ingredients", kill)
            with pytest.raises(_Killed):
                run(config.model_copy(update={"runtime": _checkpoint_always(config)}), _silent())
    resumed, told = _run(config)
    assert "resumed at step" in told
    assert _files(resumed.directory) == _files(straight.directory)


def _checkpoint_always(config: RunConfig):
    return config.runtime.model_copy(update={"checkpoint_seconds": 0.0})


def _silent() -> Console:
    return Console(file=io.StringIO())


@pytest.mark.parametrize("rate", ["1e6", "1e38"])
def test_divergence_is_a_result(small_run: SmallRun, rate: str) -> None:
    unstable = ("norm=none", "model.activation=relu", f"optim.lr={rate}")
    config = small_run(*unstable, "evaluation.every=1")
    outcome, _ = _run(config)
    assert outcome.status.state is State.DIVERGED
    assert "is not finite at step" in outcome.status.message
    rows = list(read_rows(outcome.directory.metrics))
    assert all(abs(value) < float("inf") for row in rows for value in row.values())
    assert not outcome.directory.weights.exists()
    again, _ = _run(config)
    assert again.already_done


def test_full_disk_leaves_the_last_good_checkpoint(
    small_run: SmallRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_run("runtime.checkpoint_seconds=0")
    fsync = os.fsync
    calls = iter(range(25))

    def fill(descriptor: int) -> None:
        if next(calls, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fill)
        with pytest.raises(RunFailedError, match="no space left on the disk"):
            run(config, _silent())
    directory = RunDirectory(run_path(config))
    assert not list(directory.path.glob(".*.partial"))
    resumed, told = _run(config)
    assert "resumed at step" in told
    assert resumed.status.state is State.FINISHED


def test_full_disk_before_the_first_checkpoint_promises_none(
    small_run: SmallRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fill)
    with pytest.raises(RunFailedError, match="no space left on the disk; there is no checkpoint"):
        run(small_run(), _silent())


def test_out_of_file_descriptors_is_said_in_a_line(
    small_run: SmallRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_run("runtime.checkpoint_seconds=0")
    number = iter(range(25))
    fsync = os.fsync

    def run_out(descriptor: int) -> None:
        if next(number, None) is None:
            raise OSError(errno.EMFILE, "Too many open files")
        fsync(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", run_out)
        with pytest.raises(RunFailedError, match="Too many open files; the last good") as said:
            run(config, _silent())
    assert "\n" not in str(said.value)
    assert "resumed at step" in _run(config)[1]


def test_pause_counts_as_no_time(small_run: SmallRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """What SIGSTOP and SIGCONT do, seen from inside: time passes, and then SIGCONT arrives."""
    ingredients = TrainingBatches.ingredients
    ahead = 0.0
    monotonic = time.monotonic

    def pause(self: TrainingBatches, step: int):
        nonlocal ahead
        if step == 30:
            ahead = 1000.0
            os.kill(os.getpid(), signal.SIGCONT)
        return ingredients(self, step)

    monkeypatch.setattr(TrainingBatches, "ingredients", pause)
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() + ahead)
    outcome, _ = _run(small_run())
    assert 0 < outcome.status.seconds < 900


def test_weights_that_are_gone_are_written_again_from_the_checkpoint(small_run: SmallRun) -> None:
    config = small_run()
    outcome, _ = _run(config)
    before = _files(outcome.directory)
    outcome.directory.weights.unlink()
    again, told = _run(config)
    assert again.already_done
    assert "weights.safetensors was missing: written again from the checkpoint" in told
    assert _files(again.directory) == before


def test_finished_run_without_weights_and_checkpoint_is_left_as_it_is(small_run: SmallRun) -> None:
    """Its rows are a result; training it anew would put them at risk."""
    config = small_run()
    directory = _run(config)[0].directory
    metrics = directory.metrics.read_bytes()
    directory.weights.unlink()
    for file in directory.path.glob("checkpoint*.pt"):
        file.write_bytes(b"damaged")
    again, told = _run(config)
    assert again.already_done
    assert told == ""
    assert directory.metrics.read_bytes() == metrics
    assert not directory.weights.exists()


@pytest.mark.parametrize("made_anew", [False, True])
def test_run_whose_lock_file_was_deleted_stops_before_it_writes(
    small_run: SmallRun, monkeypatch: pytest.MonkeyPatch, made_anew: bool
) -> None:
    config = small_run()
    directory = RunDirectory(run_path(config))
    lock = directory.path / ".lock"
    evaluate = Evaluator.__call__
    written: list[bytes] = []

    def evaluate_and_delete(self: Evaluator, step: int) -> Measurement:
        if step == 20:
            lock.unlink()
            if made_anew:
                lock.touch()
            written.append(directory.metrics.read_bytes())
        return evaluate(self, step)

    with monkeypatch.context() as patched:
        patched.setattr(Evaluator, "__call__", evaluate_and_delete)
        with pytest.raises(RunDeletedError, match="its lock file was deleted"):
            run(config, _silent())
    assert [directory.metrics.read_bytes()] == written
    resumed, _ = _run(config)
    assert resumed.status.state is State.FINISHED


def test_unusable_checkpoints_restart_the_run_and_say_so(
    small_run: SmallRun, tmp_path: Path
) -> None:
    straight, _ = _run(small_run())
    config = small_run(f"runtime.runs={tmp_path / 'damaged'}")
    directory = RunDirectory(run_path(config))
    directory.path.mkdir(parents=True)
    directory.checkpoint.write_bytes(b"PK")
    directory.metrics.write_text('{"step": 0, "what": "was there"}\n')
    outcome, told = _run(config)
    assert "checkpoint.pt is damaged" in told
    assert "starting again from step 0" in told
    assert _files(outcome.directory) == _files(straight.directory)


def test_second_process_is_told_who_holds_the_run(small_run: SmallRun) -> None:
    config = small_run()
    directory = RunDirectory(run_path(config))
    directory.path.mkdir(parents=True)
    holder = subprocess.Popen(
        ["flock", "--exclusive", str(directory.path / ".lock"), "sleep", "60"]
    )
    try:
        while not directory.is_locked():
            pass
        status = {"state": "running", "step": 7, "steps": 60, "seconds": 1, "steps_per_second": 1}
        directory.status.write_text(
            json.dumps({**status, "pid": holder.pid, "host": "somewhere", "message": ""})
        )
        with pytest.raises(UserError, match=rf"process {holder.pid} on somewhere is running it"):
            run(config, _silent())
    finally:
        holder.kill()
        holder.wait()


def test_runs_folder_that_cannot_be_written_is_named(small_run: SmallRun, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"runtime.runs=.*: cannot be written"):
        run(small_run(f"runtime.runs={tmp_path / 'file'}"), _silent())


@pytest.mark.skipif(torch.cuda.is_available(), reason="the machine has the device")
def test_device_that_is_not_here_is_refused_before_anything_is_written(
    small_run: SmallRun,
) -> None:
    config = small_run("runtime.device=cuda")
    with pytest.raises(UserError, match=r"runtime.device=cuda: not available on this machine"):
        run(config, _silent())
    assert not Path(config.runtime.runs).exists()


def test_batch_larger_than_the_data_is_refused(small_run: SmallRun) -> None:
    config = small_run("batch_size=1441")
    with pytest.raises(UserError, match="batch_size=1441: data=digits has only 1440"):
        run(config, _silent())
    assert not Path(config.runtime.runs).exists()


@pytest.mark.parametrize("error", [RuntimeError, ImportError])
def test_without_a_compiler_it_runs_eagerly_and_says_so(
    small_run: SmallRun, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def refuse(*_: object) -> None:
        raise error("No working C++ compiler found\nlong explanation")

    monkeypatch.setattr("bnrepro.training.compiler.compile_step", lambda *_: refuse)
    outcome, told = _run(small_run())
    assert told.count("eager: torch.compile failed (No working C++ compiler found)") == 1
    assert told.index("compiling the training step") < told.index("eager"), "it takes long"
    assert outcome.status.state is State.FINISHED
    with pytest.raises(UserError, match=r"runtime.compile=on: torch.compile failed"):
        _run(small_run("seed=1", "runtime.compile=on"))


def test_profile_writes_a_trace(small_run: SmallRun) -> None:
    outcome, _ = _run(small_run("runtime.profile=true", "evaluation.every=60"))
    trace = json.loads((outcome.directory.path / "trace.json").read_text())
    assert trace["traceEvents"]


def test_overfitting_one_batch_works(small_run: SmallRun) -> None:
    config = small_run("debug=overfit", "steps=300", "evaluation.every=300")
    outcome, _ = _run(config)
    assert list(read_rows(outcome.directory.metrics))[-1]["train/loss"] < 0.1


def test_seed_changes_the_run(small_run: SmallRun) -> None:
    weights = [_files(_run(small_run(f"seed={seed}"))[0].directory)[1] for seed in (0, 1)]
    assert weights[0] != weights[1]


def test_checkpoint_on_disk_is_the_last_step(small_run: SmallRun) -> None:
    outcome, _ = _run(small_run())
    saved = torch.load(outcome.directory.checkpoint, weights_only=True)
    assert saved["step"] == 60


def test_stopped_before_its_first_update_it_has_its_first_row_once(
    small_run: SmallRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight, _ = _run(small_run())
    config = small_run(f"runtime.runs={tmp_path / 'stopped'}")

    def evaluate_and_stop(self: Evaluator, step: int) -> Measurement:
        os.kill(os.getpid(), signal.SIGTERM)
        return evaluate(self, step)

    evaluate = Evaluator.__call__
    with monkeypatch.context() as patched:
        patched.setattr(Evaluator, "__call__", evaluate_and_stop)
        stopped, _ = _run(config)
    assert stopped.status.state is State.PREEMPTED
    assert stopped.status.step == 0
    resumed, _ = _run(config)
    assert _files(resumed.directory) == _files(straight.directory)


def test_resuming_under_other_conditions_is_said_and_kept(
    small_run: SmallRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_run()
    with monkeypatch.context() as patched:
        patched.setattr(Evaluator, "__call__", _raise_interrupted)
        with pytest.raises(_InterruptedError):
            _run(config)
    more = config.model_copy(update={"runtime": config.runtime.model_copy(update={"threads": 2})})
    with monkeypatch.context() as patched:
        patched.setattr(torch, "__version__", "2.99.0")
        try:
            outcome, told = _run(more)
        finally:
            torch.set_num_threads(1)
    changes = f"torch {torch.__version__} -> 2.99.0, threads 1 -> 2"
    assert f"resumed under other conditions ({changes})" in told
    provenance = yaml.safe_load(outcome.directory.config.read_text())["provenance"]
    assert [entry["torch"] for entry in provenance] == [torch.__version__, "2.99.0"]
    assert [entry["threads"] for entry in provenance] == [1, 2]


class _InterruptedError(Exception):
    pass


def _raise_interrupted(*_: object) -> None:
    raise _InterruptedError


def test_network_that_does_not_fit_into_memory_is_refused(small_run: SmallRun) -> None:
    with pytest.raises(UserError, match="do not fit into memory"):
        _run(small_run("model.hidden=[2000000000]"))


def test_tracing_a_finished_run_is_refused(small_run: SmallRun) -> None:
    _run(small_run())
    with pytest.raises(UserError, match="nothing is left to trace"):
        _run(small_run("runtime.profile=true"))


_TWO_STEPS = ("batch_size=110", "debug=two_steps", "steps=2")


@pytest.mark.parametrize("norm", options("norm"))
@pytest.mark.parametrize("model", ["mlp", "cnn", "convnet"])  # inception: its presets
def test_every_normalization_trains_in_every_network(
    small_run: SmallRun, model: str, norm: str
) -> None:
    if norm == "instance" and model != "convnet":
        pytest.skip("a fully connected layer has no instances to normalize")
    outcome, _ = _run(small_run(*_TWO_STEPS, f"model={model}", f"norm={norm}"))
    assert outcome.status.state is State.FINISHED


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
@pytest.mark.parametrize("model", ["mlp", "cnn", "convnet"])
def test_every_nonlinearity_trains_in_every_network(
    small_run: SmallRun, model: str, activation: str
) -> None:
    outcome, _ = _run(small_run(*_TWO_STEPS, f"model={model}", f"model.activation={activation}"))
    assert outcome.status.state is State.FINISHED
